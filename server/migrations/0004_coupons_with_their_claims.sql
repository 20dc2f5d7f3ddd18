-- A claim is answered when its coupon is committed, so nothing has to be
-- written later: each claim has an outcome here. 0 issued, 1 no such policy or
-- not active, 2 sold out, 3 no such user.
DROP FUNCTION issue_coupons(uuid[], uuid[], bigint[], bigint[]);
CREATE FUNCTION issue_coupons(
    policy_ids bigint[],
    user_ids bigint[],
    claim_ids uuid[],
    claim_policies int[],
    claim_users int[],
    OUT outcomes int[]
) LANGUAGE plpgsql AS $$
DECLARE
    users_exist boolean[];
    discounts bigint[];
    validities interval[];
    -- nothing for a policy that is not active
    remaining bigint[];
    remaining_before bigint[];
    p int;
BEGIN
    LOCK TABLE world IN ACCESS SHARE MODE;

    SELECT array_agg(users.id IS NOT NULL ORDER BY asked.place) INTO users_exist
    FROM unnest(user_ids) WITH ORDINALITY AS asked (id, place)
    LEFT JOIN users ON users.id = asked.id;

    WITH locked AS MATERIALIZED (
        SELECT * FROM coupon_policies WHERE id = ANY (policy_ids) ORDER BY id FOR NO KEY UPDATE
    )
    SELECT array_agg(locked.discount ORDER BY asked.place),
        array_agg(locked.valid_for ORDER BY asked.place),
        array_agg(CASE
            WHEN locked.starts_at <= now() AND now() < locked.ends_at THEN locked.quantity - locked.issued
        END ORDER BY asked.place)
    INTO discounts, validities, remaining
    FROM unnest(policy_ids) WITH ORDINALITY AS asked (id, place)
    LEFT JOIN locked ON locked.id = asked.id;
    remaining_before := remaining;

    outcomes := array_fill(0, ARRAY[cardinality(claim_ids)]);
    FOR n IN 1 .. cardinality(claim_ids) LOOP
        p := claim_policies[n];
        IF NOT users_exist[claim_users[n]] THEN
            outcomes[n] := 3;
        ELSIF remaining[p] IS NULL THEN
            outcomes[n] := 1;
        ELSIF remaining[p] <= 0 THEN
            outcomes[n] := 2;
        ELSE
            remaining[p] := remaining[p] - 1;
        END IF;
    END LOOP;

    INSERT INTO coupons (policy_id, user_id, claim_id, discount, expires_at)
    SELECT policy_ids[claim.p], user_ids[claim.u], claim.id, discounts[claim.p], now() + validities[claim.p]
    FROM unnest(outcomes, claim_ids, claim_policies, claim_users) AS claim (outcome, id, p, u)
    WHERE claim.outcome = 0;

    UPDATE coupon_policies SET issued = issued + counted.before - counted.after
    FROM unnest(policy_ids, remaining_before, remaining) AS counted (id, before, after)
    WHERE coupon_policies.id = counted.id AND counted.before > counted.after;
END $$;
