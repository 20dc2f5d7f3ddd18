-- One call is one transaction for a whole batch of requests. Ids are handed
-- over once, sorted and distinct; requests name them by position, so that the
-- loops below index arrays and search nothing.

-- A sum as the API has it: nothing is 0, and what is beyond 64 bits stays at
-- their end instead of failing.
CREATE FUNCTION at_most_bigint(total numeric) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$
    SELECT least(coalesce(total, 0), 9223372036854775807)::bigint
$$;

-- Names to ids; unknown names become users.
CREATE FUNCTION ensure_users(
    wanted text[],
    OUT world_id uuid,
    OUT ids bigint[]
) LANGUAGE plpgsql AS $$
BEGIN
    LOCK TABLE world IN ACCESS SHARE MODE;
    SELECT id INTO world_id FROM world;

    -- Looking first keeps a conflict from using up an id.
    INSERT INTO users (name)
    SELECT missing.name FROM unnest(wanted) AS missing (name)
    WHERE NOT EXISTS (SELECT FROM users WHERE users.name = missing.name)
    ORDER BY missing.name
    ON CONFLICT (name) DO NOTHING;

    SELECT coalesce(array_agg(users.id ORDER BY asked.place), '{}') INTO ids
    FROM unnest(wanted) WITH ORDINALITY AS asked (name, place)
    JOIN users ON users.name = asked.name;
END $$;

-- Outcomes: 0 charged, 1 no such user, 2 more than an account can hold.
CREATE FUNCTION charge_balances(
    user_ids bigint[],
    charge_users int[],
    charge_amounts bigint[],
    OUT outcomes int[],
    OUT results bigint[]
) LANGUAGE plpgsql AS $$
DECLARE
    most CONSTANT bigint := 1000000000000;
    balances bigint[];
    u int;
BEGIN
    LOCK TABLE world IN ACCESS SHARE MODE;

    WITH locked AS MATERIALIZED (
        SELECT id, balance FROM users WHERE id = ANY (user_ids) ORDER BY id FOR NO KEY UPDATE
    )
    SELECT array_agg(coalesce(locked.balance, -1) ORDER BY asked.place) INTO balances
    FROM unnest(user_ids) WITH ORDINALITY AS asked (id, place)
    LEFT JOIN locked ON locked.id = asked.id;

    outcomes := array_fill(0, ARRAY[cardinality(charge_users)]);
    results := array_fill(0::bigint, ARRAY[cardinality(charge_users)]);
    FOR n IN 1 .. cardinality(charge_users) LOOP
        u := charge_users[n];
        IF balances[u] < 0 THEN
            outcomes[n] := 1;
        ELSIF charge_amounts[n] > most - balances[u] THEN
            outcomes[n] := 2;
        ELSE
            balances[u] := balances[u] + charge_amounts[n];
            results[n] := balances[u];
        END IF;
    END LOOP;

    UPDATE users SET balance = new.balance
    FROM unnest(user_ids, balances) AS new (id, balance)
    WHERE users.id = new.id AND users.balance <> new.balance;

    INSERT INTO charges (user_id, amount)
    SELECT user_ids[charge.u], charge.amount
    FROM unnest(outcomes, charge_users, charge_amounts) AS charge (outcome, u, amount)
    WHERE charge.outcome = 0;
END $$;

-- Issues a coupon for every claim of this world that has none yet, as far as
-- its policy's quantity goes. Claims that get nothing are those repeated,
-- from an earlier world, or beyond the quantity; all of them are done with.
CREATE FUNCTION issue_coupons(
    claim_worlds uuid[],
    claim_ids uuid[],
    claim_users bigint[],
    claim_policies bigint[],
    OUT issued_now bigint
) LANGUAGE plpgsql AS $$
BEGIN
    LOCK TABLE world IN ACCESS SHARE MODE;
    PERFORM FROM coupon_policies WHERE id = ANY (claim_policies) ORDER BY id FOR NO KEY UPDATE;

    WITH fresh AS (
        SELECT DISTINCT ON (claim.id) claim.*
        FROM unnest(claim_worlds, claim_ids, claim_users, claim_policies)
            WITH ORDINALITY AS claim (world_id, id, user_id, policy_id, place)
        JOIN world ON world.id = claim.world_id
        JOIN users ON users.id = claim.user_id
        WHERE NOT EXISTS (SELECT FROM coupons WHERE coupons.claim_id = claim.id)
        ORDER BY claim.id, claim.place
    ), ranked AS (
        SELECT fresh.*, row_number() OVER (PARTITION BY fresh.policy_id ORDER BY fresh.place) AS rank
        FROM fresh
    ), inserted AS (
        INSERT INTO coupons (policy_id, user_id, claim_id, discount, expires_at)
        SELECT policy.id, ranked.user_id, ranked.id, policy.discount, now() + policy.valid_for
        FROM ranked
        JOIN coupon_policies AS policy ON policy.id = ranked.policy_id
        WHERE ranked.rank <= policy.quantity - policy.issued
        ORDER BY ranked.place
        RETURNING coupons.policy_id
    ), counted AS (
        SELECT inserted.policy_id, count(*) AS issued FROM inserted GROUP BY inserted.policy_id
    ), updated AS (
        UPDATE coupon_policies SET issued = coupon_policies.issued + counted.issued
        FROM counted WHERE coupon_policies.id = counted.policy_id
    )
    SELECT coalesce(sum(counted.issued), 0) INTO issued_now FROM counted;
END $$;

-- Places orders one after the other, each seeing what the earlier ones did,
-- and writes the result at once. Outcomes: 0 placed (number: its id), 1 no
-- such user, 2 no such product (number: which), 3 the coupon is not the
-- user's, 4 it was used, 5 it has expired, 6 out of stock (number: which
-- product), 7 the balance is too small.
CREATE FUNCTION place_orders(
    user_ids bigint[],
    coupon_ids bigint[],
    product_ids bigint[],
    order_users int[],
    order_coupons int[],
    order_ends int[],
    item_orders int[],
    item_products int[],
    item_quantities bigint[],
    OUT outcomes int[],
    OUT numbers bigint[],
    OUT amounts bigint[],
    OUT world_id uuid,
    OUT sales_day int,
    OUT sold_products bigint[],
    OUT sold_totals bigint[]
) LANGUAGE plpgsql AS $$
DECLARE
    today CONSTANT date := (now() AT TIME ZONE 'UTC')::date;
    orders_count CONSTANT int := cardinality(order_users);
    balances bigint[];
    coupon_owners bigint[];
    coupon_discounts bigint[];
    -- 0 usable, or the outcome of an order with it
    coupon_states int[];
    coupon_orders bigint[] := array_fill(0::bigint, ARRAY[cardinality(coupon_ids)]);
    prices bigint[];
    stocks bigint[];
    stocks_before bigint[];
    grosses bigint[] := array_fill(0::bigint, ARRAY[orders_count]);
    discounts bigint[] := array_fill(0::bigint, ARRAY[orders_count]);
    first_item int := 1;
    last_item int;
    outcome int;
    number bigint;
    gross bigint;
    discount bigint;
    u int;
    c int;
    p int;
    -- the product that an order fails for
    short int;
BEGIN
    LOCK TABLE world IN ACCESS SHARE MODE;
    SELECT id INTO world_id FROM world;
    sales_day := today - DATE '1970-01-01';

    WITH locked AS MATERIALIZED (
        SELECT id, balance FROM users WHERE id = ANY (user_ids) ORDER BY id FOR NO KEY UPDATE
    )
    SELECT array_agg(coalesce(locked.balance, -1) ORDER BY asked.place) INTO balances
    FROM unnest(user_ids) WITH ORDINALITY AS asked (id, place)
    LEFT JOIN locked ON locked.id = asked.id;

    IF cardinality(coupon_ids) > 0 THEN
        WITH locked AS MATERIALIZED (
            SELECT id, user_id, coupons.discount, expires_at, order_id
            FROM coupons WHERE id = ANY (coupon_ids) ORDER BY id FOR NO KEY UPDATE
        )
        SELECT array_agg(coalesce(locked.user_id, -1) ORDER BY asked.place),
            array_agg(coalesce(locked.discount, 0) ORDER BY asked.place),
            array_agg(CASE
                WHEN locked.order_id IS NOT NULL THEN 4
                WHEN locked.expires_at <= now() THEN 5
                ELSE 0
            END ORDER BY asked.place)
        INTO coupon_owners, coupon_discounts, coupon_states
        FROM unnest(coupon_ids) WITH ORDINALITY AS asked (id, place)
        LEFT JOIN locked ON locked.id = asked.id;
    END IF;

    WITH locked AS MATERIALIZED (
        SELECT id, price, stock FROM products WHERE id = ANY (product_ids) ORDER BY id FOR NO KEY UPDATE
    )
    SELECT array_agg(coalesce(locked.price, -1) ORDER BY asked.place),
        array_agg(coalesce(locked.stock, 0) ORDER BY asked.place)
    INTO prices, stocks
    FROM unnest(product_ids) WITH ORDINALITY AS asked (id, place)
    LEFT JOIN locked ON locked.id = asked.id;
    stocks_before := stocks;

    outcomes := array_fill(0, ARRAY[orders_count]);
    numbers := array_fill(0::bigint, ARRAY[orders_count]);
    amounts := array_fill(0::bigint, ARRAY[orders_count]);
    FOR n IN 1 .. orders_count LOOP
        u := order_users[n];
        c := order_coupons[n];
        last_item := order_ends[n];
        outcome := 0;
        number := 0;
        gross := 0;
        discount := 0;
        short := 0;

        IF balances[u] < 0 THEN
            outcome := 1;
        ELSE
            FOR i IN first_item .. last_item LOOP
                p := item_products[i];
                -- What doesn't exist has no stock either, and is told first.
                IF stocks[p] < item_quantities[i] AND (short = 0 OR prices[p] < 0) THEN
                    short := p;
                    EXIT WHEN prices[p] < 0;
                END IF;
                gross := gross + prices[p] * item_quantities[i];
            END LOOP;
            IF short > 0 AND prices[short] < 0 THEN
                outcome := 2;
            ELSIF c > 0 AND coupon_owners[c] <> user_ids[u] THEN
                outcome := 3;
            ELSIF c > 0 AND coupon_states[c] > 0 THEN
                outcome := coupon_states[c];
            ELSIF short > 0 THEN
                outcome := 6;
            ELSE
                IF c > 0 THEN
                    discount := least(coupon_discounts[c], gross);
                END IF;
                IF balances[u] < gross - discount THEN
                    outcome := 7;
                END IF;
            END IF;
            IF outcome IN (2, 6) THEN
                number := product_ids[short];
            END IF;
        END IF;

        IF outcome = 0 THEN
            number := nextval('orders_id_seq');
            balances[u] := balances[u] - (gross - discount);
            IF c > 0 THEN
                coupon_states[c] := 4;
                coupon_orders[c] := number;
            END IF;
            FOR i IN first_item .. last_item LOOP
                p := item_products[i];
                stocks[p] := stocks[p] - item_quantities[i];
            END LOOP;
            grosses[n] := gross;
            discounts[n] := discount;
            amounts[n] := gross - discount;
        END IF;
        outcomes[n] := outcome;
        numbers[n] := number;
        first_item := last_item + 1;
    END LOOP;

    UPDATE users SET balance = new.balance
    FROM unnest(user_ids, balances) AS new (id, balance)
    WHERE users.id = new.id AND users.balance <> new.balance;

    -- Position 0 of an array is NULL, as is an order's coupon if it has none.
    INSERT INTO orders (id, user_id, coupon_id, gross, discount) OVERRIDING SYSTEM VALUE
    SELECT placed.id, user_ids[placed.u], coupon_ids[placed.c], placed.gross, placed.discount
    FROM unnest(outcomes, numbers, order_users, order_coupons, grosses, discounts)
        AS placed (outcome, id, u, c, gross, discount)
    WHERE placed.outcome = 0;

    INSERT INTO order_items (order_id, product_id, quantity, price)
    SELECT numbers[item.n], product_ids[item.p], item.quantity, prices[item.p]
    FROM unnest(item_orders, item_products, item_quantities) AS item (n, p, quantity)
    WHERE outcomes[item.n] = 0;

    UPDATE coupons SET order_id = spent.order_id
    FROM unnest(coupon_ids, coupon_orders) AS spent (id, order_id)
    WHERE coupons.id = spent.id AND spent.order_id > 0;

    UPDATE products SET stock = new.stock
    FROM unnest(product_ids, stocks) AS new (id, stock)
    WHERE products.id = new.id AND products.stock <> new.stock;

    WITH recorded AS (
        INSERT INTO product_sales AS sales (product_id, day, sold)
        SELECT sale.id, today, sale.before - sale.after
        FROM unnest(product_ids, stocks_before, stocks) AS sale (id, before, after)
        WHERE sale.before > sale.after
        ON CONFLICT (product_id, day) DO UPDATE SET sold = sales.sold + excluded.sold
        RETURNING sales.product_id, sales.base + sales.sold AS total
    )
    SELECT array_agg(recorded.product_id), array_agg(recorded.total)
    INTO sold_products, sold_totals
    FROM recorded;
END $$;

-- Erases everything and begins a new world; gives the ids of its policies.
-- Products have the ids 1 to 5 in every world. Users, policies, coupons and
-- orders have ids that no earlier world had, so that what is still on its way
-- for that one finds nothing in this one.
CREATE FUNCTION init_world(
    user_count bigint,
    policy_count bigint,
    coupon_total bigint,
    coupon_discount bigint
) RETURNS bigint[] LANGUAGE plpgsql AS $$
DECLARE
    today CONSTANT date := (now() AT TIME ZONE 'UTC')::date;
    policy_ids bigint[];
BEGIN
    -- Waits for whatever uses the books and keeps it out until the end.
    LOCK TABLE world IN ACCESS EXCLUSIVE MODE;
    TRUNCATE users, charges, coupon_policies, coupons, products, product_sales, orders, order_items;
    UPDATE world SET id = gen_random_uuid();

    INSERT INTO users (name) SELECT 'u' || n FROM generate_series(1, user_count) AS n;

    INSERT INTO products (id, name, price, initial_stock, stock)
    SELECT n, 'p' || n, 2000, 2000000, 2000000 FROM generate_series(1, 5) AS n;

    INSERT INTO product_sales (product_id, day, base)
    SELECT n, today - ago, 600 - 100 * n
    FROM generate_series(1, 5) AS n, generate_series(0, 2) AS ago;

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
