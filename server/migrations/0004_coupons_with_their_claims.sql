-- A claim is answered when its coupon is committed, so nothing has to be
-- written later: each claim has an outcome here. 0 issued, 1 no such policy or
-- not active, 2 sold out, 3 no such user.
DROP FUNCTION issue_coupons(uuid[], uuid[], bigint[], bigint[]);
CREATE FUNCTION issue_coupons(
    claim_ids uuid[],
    claim_users bigint[],
    claim_policies bigint[],
    OUT outcomes int[]
) LANGUAGE plpgsql AS $$
BEGIN
    LOCK TABLE world IN ACCESS SHARE MODE;
    PERFORM FROM coupon_policies WHERE id = ANY (claim_policies) ORDER BY id FOR NO KEY UPDATE;

    WITH asked AS (
        SELECT claim.*, policy.discount, policy.valid_for, policy.quantity - policy.issued AS remaining,
            CASE
                WHEN users.id IS NULL THEN 3
                WHEN policy.starts_at <= now() AND now() < policy.ends_at THEN 0
                ELSE 1
            END AS refusal
        FROM unnest(claim_ids, claim_users, claim_policies)
            WITH ORDINALITY AS claim (id, user_id, policy_id, place)
        LEFT JOIN users ON users.id = claim.user_id
        LEFT JOIN coupon_policies AS policy ON policy.id = claim.policy_id
    ), judged AS (
        SELECT asked.*,
            CASE
                WHEN refusal > 0 THEN refusal
                WHEN row_number() OVER (PARTITION BY policy_id, refusal ORDER BY place) > remaining THEN 2
                ELSE 0
            END AS outcome
        FROM asked
    ), inserted AS (
        INSERT INTO coupons (policy_id, user_id, claim_id, discount, expires_at)
        SELECT policy_id, user_id, id, discount, now() + valid_for
        FROM judged WHERE outcome = 0 ORDER BY place
    ), updated AS (
        UPDATE coupon_policies SET issued = coupon_policies.issued + counted.issued
        FROM (
            SELECT policy_id, count(*) AS issued FROM judged WHERE outcome = 0 GROUP BY policy_id
        ) AS counted
        WHERE coupon_policies.id = counted.policy_id
    )
    SELECT coalesce(array_agg(outcome ORDER BY place), '{}') INTO outcomes FROM judged;
END $$;
