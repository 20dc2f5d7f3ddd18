-- One order in one transaction, with row locks, on the tables that the server uses: what orders cost
-- when they are not gathered. For the bench only; pgbench runs it.
-- It is written to do well: the rows that everybody wants are taken as late as can be, in the order of
-- their ids, so that nobody deadlocks and they are held only while the rest is written and committed.
\set user random(:first_user, :last_user)
BEGIN;
UPDATE users SET balance = balance - 10000 WHERE id = :user AND balance >= 10000;
INSERT INTO orders (user_id, gross, discount, product_ids, quantities, prices) SELECT :user, 10000, 0, array_agg(id), array_agg(1), array_agg(price) FROM products WHERE id BETWEEN 1 AND 5;
WITH locked AS MATERIALIZED (SELECT id FROM products WHERE id BETWEEN 1 AND 5 ORDER BY id FOR NO KEY UPDATE) UPDATE products SET stock = stock - 1 FROM locked WHERE products.id = locked.id;
INSERT INTO product_sales AS sales (product_id, day, sold) SELECT id, (now() AT TIME ZONE 'UTC')::date, 1 FROM generate_series(1, 5) AS id ON CONFLICT (product_id, day) DO UPDATE SET sold = sales.sold + 1;
COMMIT;
