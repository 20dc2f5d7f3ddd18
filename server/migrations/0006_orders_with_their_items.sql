-- The items of an order stand in its row, as arrays: as rows of their own, each with an entry in an
-- index, they were a quarter of what a call of place_orders cost. That an order names no product
-- twice is checked by the server alone; all else that their table checked is checked here.
ALTER TABLE orders ADD product_ids bigint[], ADD quantities bigint[], ADD prices bigint[];
UPDATE orders SET product_ids = items.product_ids, quantities = items.quantities, prices = items.prices
FROM (
    SELECT order_id, array_agg(product_id ORDER BY product_id) AS product_ids,
        array_agg(quantity ORDER BY product_id) AS quantities, array_agg(price ORDER BY product_id) AS prices
    FROM order_items GROUP BY order_id
) AS items
WHERE items.order_id = orders.id;
ALTER TABLE orders
    ALTER product_ids SET NOT NULL, ALTER quantities SET NOT NULL, ALTER prices SET NOT NULL,
    ADD CONSTRAINT orders_items_check CHECK (
        cardinality(product_ids) > 0 AND cardinality(quantities) = cardinality(product_ids)
        AND cardinality(prices) = cardinality(product_ids) AND 0 < ALL (quantities) AND 0 < ALL (prices)
    );
DROP TABLE order_items;

-- Ids of claims are made by the server and looked up by nobody. Their index was written once for
-- the claim and once more when its coupon was spent.
ALTER TABLE coupons DROP CONSTRAINT coupons_claim_id_key;

-- Places orders one after the other, each seeing what the earlier ones did,
-- and writes the result at once. Outcomes: 0 placed (number: its id), 1 no
-- such user, 2 no such product (number: which), 3 the coupon is not the
-- user's, 4 it was used, 5 it has expired, 6 out of stock (number: which
-- product), 7 the balance is too small.
DROP FUNCTION place_orders(bigint[], bigint[], bigint[], int[], int[], int[], int[], int[], bigint[]);
CREATE FUNCTION place_orders(
    user_ids bigint[],
    coupon_ids bigint[],
    product_ids bigint[],
    order_users int[],
    order_coupons int[],
    order_ends int[],
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
    item_ids bigint[];
    item_prices bigint[];
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

    SELECT array_agg(product_ids[item.p]), array_agg(prices[item.p]) INTO item_ids, item_prices
    FROM unnest(item_products) AS item (p);

    -- Position 0 of an array is NULL, as is an order's coupon if it has none.
    INSERT INTO orders (id, user_id, coupon_id, gross, discount, product_ids, quantities, prices)
        OVERRIDING SYSTEM VALUE
    SELECT placed.id, user_ids[placed.u], coupon_ids[placed.c], placed.gross, placed.discount,
        item_ids[placed.first_item : placed.last_item],
        item_quantities[placed.first_item : placed.last_item],
        item_prices[placed.first_item : placed.last_item]
    FROM (
        SELECT each.*, 1 + coalesce(order_ends[each.n - 1], 0) AS first_item
        FROM unnest(outcomes, numbers, order_users, order_coupons, grosses, discounts, order_ends)
            WITH ORDINALITY AS each (outcome, id, u, c, gross, discount, last_item, n)
    ) AS placed
    WHERE placed.outcome = 0;

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

DROP FUNCTION init_world(bigint, bigint, bigint, bigint, bigint, bigint, bigint, bigint);

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
    TRUNCATE users, charges, coupon_policies, coupons, products, product_sales, orders;
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
