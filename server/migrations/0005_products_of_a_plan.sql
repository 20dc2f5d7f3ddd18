DROP FUNCTION init_world(bigint, bigint, bigint, bigint);

-- Erases everything and begins a new world; gives the ids of its policies.
-- Products have the ids from 1 up in every world, and each begins with a place in the ranking. The
-- scarce ones come after them: of one piece each, and without a place there until they are sold.
-- Users, policies, coupons and orders have ids that no earlier world had, so that what is still
-- on its way for that one finds nothing in this one.
CREATE FUNCTION init_world(
    user_count bigint,
    policy_count bigint,
    coupon_total bigint,
    coupon_discount bigint,
    product_count bigint,
    product_price bigint,
    product_stock bigint,
    scarce_count bigint
) RETURNS bigint[] LANGUAGE plpgsql AS $$
DECLARE
    today CONSTANT date := (now() AT TIME ZONE 'UTC')::date;
    policy_ids bigint[];
BEGIN
    -- Waits for whatever uses the books and keeps it out until the end.
    LOCK TABLE world IN ACCESS EXCLUSIVE MODE;
    TRUNCATE users, charges, coupon_policies, coupons, products, product_sales, orders, order_items;
    UPDATE world SET id = gen_random_uuid();
    -- Other servers hear of it when it is committed.
    PERFORM pg_notify('world', id::text) FROM world;

    INSERT INTO users (name) SELECT 'u' || n FROM generate_series(1, user_count) AS n;

    INSERT INTO products (id, name, price, initial_stock, stock)
    SELECT n, 'p' || n, product_price, pieces, pieces
    FROM generate_series(1, product_count + scarce_count) AS n,
        LATERAL (SELECT CASE WHEN n <= product_count THEN product_stock ELSE 1 END AS pieces) AS shelf;

    INSERT INTO product_sales (product_id, day, base)
    SELECT n, today - ago, greatest(600 - 100 * n, 1)
    FROM generate_series(1, product_count) AS n, generate_series(0, 2) AS ago;

    -- What cannot be divided goes to the first ones.
    WITH created AS (
        INSERT INTO coupon_policies (discount, quantity, starts_at, ends_at, valid_for)
        SELECT coupon_discount,
            coupon_total / nullif(policy_count, 0) + (n <= coupon_total % nullif(policy_count, 0))::int,
            now() - interval '1 minute', now() + interval '3 days', interval '7 days'
        FROM generate_series(1, policy_count) AS n
        ORDER BY n
        RETURNING id
    )
    SELECT coalesce(array_agg(created.id ORDER BY created.id), '{}') INTO policy_ids FROM created;

    -- Plans made for the old tables would not fit the new ones.
    ANALYZE users, products, product_sales, coupon_policies;
    RETURN policy_ids;
END $$;
