"""Queries that the gate lets through, and that run on the databases of `tables.py`."""

from collections.abc import Iterator

from local_servers.access import DbType, Flavour

PG: Flavour = "postgresql"
MARIA: Flavour = "mariadb"
MYSQL: Flavour = "mysql"
LITE: Flavour = "sqlite"
MY = (MARIA, MYSQL)
SERVERS = (PG, *MY)
ALL = (*SERVERS, LITE)
DB_TYPES: dict[Flavour, DbType] = {PG: "postgresql", MARIA: "mysql", MYSQL: "mysql", LITE: "sqlite"}


def _for(flavours: tuple[Flavour, ...], *queries: str) -> Iterator[tuple[Flavour, str]]:
    for flavour in flavours:
        for query in queries:
            yield flavour, query


LEGITIMATE: list[tuple[Flavour, str]] = [
    *_for(
        ALL,
        "SELECT 1 AS one",
        "select a from t;",
        "SELECT a FROM t ; -- done",
        "SELECT a FROM t -- no semicolon",
        "SELECT a FROM t; /* one; two */",
        "/* what */ SELECT a /* which */ FROM t",
        "SELECT a AS \"x\" FROM t WHERE b = 'it''s; fine -- really /* yes */'",
        "SELECT b FROM t WHERE b LIKE '100%' AND b <> '12:30:00'",
        "SELECT a % 2 AS odd FROM t",
        "SELECT '%s %(x)s :y ? $1 {{ z }}' AS only_text",
        "WITH x AS (SELECT 1 AS a), y AS (SELECT a FROM x) SELECT * FROM y",
        "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 5) SELECT n FROM r",
        "SELECT a FROM t UNION ALL SELECT a FROM u ORDER BY 1 LIMIT 10 OFFSET 1",
        "SELECT a FROM t UNION SELECT a FROM u",
        "SELECT a FROM t INTERSECT SELECT a FROM u",
        "SELECT a FROM t EXCEPT SELECT a FROM u",
        "SELECT row_number() OVER (PARTITION BY a ORDER BY b DESC) AS n FROM t",
        "SELECT sum(a) OVER (ORDER BY b ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS s FROM t",
        "SELECT lag(a, 1) OVER w AS l, rank() OVER w AS r FROM t WINDOW w AS (ORDER BY a)",
        "SELECT CASE WHEN a > 1 THEN 'x' ELSE NULL END AS c FROM t",
        "SELECT coalesce(a, 0) AS a, nullif(b, '') AS b2, cast(a AS char(5)) AS c5 FROM t",
        "SELECT count(*) AS n, count(DISTINCT a) AS d FROM t GROUP BY b HAVING count(*) > 0",
        "SELECT t.a, u.b, v.b AS vb, w.x FROM t JOIN u USING (id) LEFT JOIN v ON v.id = u.id CROSS JOIN w",
        "SELECT a FROM t WHERE EXISTS (SELECT 1 FROM u WHERE u.id = t.id) AND b NOT IN (SELECT b FROM v)",
        "SELECT a, (SELECT max(u.a) FROM u) AS m FROM t",
        "SELECT x.* FROM (SELECT a FROM t) AS x",
        "SELECT replace(b, 'x', 'y') AS r, lower(b) AS l, trim(b) AS t FROM t",
        "SELECT a AS deleted, b AS updated, c AS created FROM t",
        "SELECT update_time FROM insert_log WHERE update_time IS NOT NULL",
        "SELECT a FROM t WHERE c BETWEEN 1 AND 200 AND b IS NOT NULL AND NOT a = 5",
        "SELECT 'drop table t; delete from u' AS text_only",
        "SELECT 1.5e10 AS f, -1 AS m, .5 AS h",
        "SELECT a FROM t WHERE (a, c) IN (SELECT a, 100 FROM u)",
        "SELECT abs(a) AS x, round(c / 3.0, 2) AS y FROM t ORDER BY id DESC",
        "SELECT\n\ta,\r\n\tb -- a comment; with 'quotes\nFROM t",
        "SELECT 'größe' AS größe, '€' AS \"€\"",
    ),
    *_for(
        (PG,),
        "SELECT j -> 'a' ->> 'b' AS v, j #> '{a,b}' AS p, j @> '{}' AS c FROM t",
        "SELECT j ? 'k' AS has, j ?| array['a','k'] AS any_of, j - 'a' AS less FROM t",
        "SELECT b::text, '12:30'::time AS t, '{1,2}'::int[] AS l, a::numeric(10,2) AS n FROM t",
        'SELECT "select", "from", "a ""quoted"" name" FROM "table"',
        "SELECT /* outer /* inner */ still */ 1 AS a",
        "SELECT $$it's; -- text$$ AS a, $tag$ $$ $tag$ AS b",
        "SELECT E'a\\'b;' AS a, e'\\\\' AS b, U&'\\0061' AS c, N'n' AS d",
        "SELECT date'2024-01-01' AS d, timestamp '2024-01-01 12:30:00' AS s",
        "SELECT extract(epoch FROM now()) AS e, interval '1 day' AS i",
        "SELECT now() AT TIME ZONE 'UTC' AS u",
        "SELECT * FROM generate_series(1, 10) AS g(n)",
        "SELECT count(*) FILTER (WHERE a > 1) AS c, array_agg(b ORDER BY c) AS l FROM t",
        "SELECT DISTINCT ON (a) a, b FROM t ORDER BY a, b",
        "SELECT t.a, l.x FROM t, LATERAL (SELECT t.a + 1 AS x) AS l",
        "SELECT (array[1, 2, 3])[1:2] AS s, array[1, 2] AS l FROM t",
        "SELECT a FROM t TABLESAMPLE SYSTEM (100)",
        "SELECT * FROM json_to_recordset('[{\"a\": 1}]') AS x(a int, b text)",
        "SELECT jsonb_path_query(j, '$.a') AS q FROM t",
        "SELECT a IS DISTINCT FROM c AS d, b SIMILAR TO 'x' AS s FROM t",
        "SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY a) AS m FROM t",
        "SELECT string_agg(b, ',' ORDER BY a) AS s FROM t FETCH FIRST 5 ROWS ONLY",
        "SELECT b ~ 'x' AS r, b !~* 'y' AS n FROM t",
        "SELECT sum(a) OVER w AS s FROM t WINDOW w AS (PARTITION BY b)",
        "SELECT a, count(*) AS n FROM t GROUP BY GROUPING SETS ((a), ())",
        'SELECT b COLLATE "C" AS c FROM t ORDER BY a NULLS LAST',
        "SELECT position('a' IN b) AS p, substring(b FROM 1 FOR 2) AS s FROM t",
        "SELECT ctid, xmin, tableoid::regclass FROM t",
        "SELECT current_date, current_user, version(), current_setting('TimeZone') AS z",
        "SELECT (t).a AS whole_row_field, t.b FROM t",
        "SELECT pg_typeof(a) AS t, pg_size_pretty(pg_relation_size('t')) AS s FROM t",
        "VALUES (1, 'a'), (2, 'b')",
    ),
    *_for(
        MY,
        "SELECT `select`, `it``s` FROM `quoted names`",
        "SELECT a FROM t # a comment",
        "SELECT a FROM t; # a comment",
        "SELECT json_extract(j, '$.a') AS e FROM t",
        "SELECT a FROM t LIMIT 0, 10",
        "SELECT group_concat(DISTINCT a ORDER BY b SEPARATOR ';') AS g FROM t",
        "SELECT /*+ MAX_EXECUTION_TIME(1000) */ a FROM t",
        "SELECT 'it\\'s; ok' AS a, \"double; quoted\" AS b, 'a' 'b' AS c",
        "SELECT date_format(ts, '%Y-%m-%d %H:%i:%s') AS f FROM t",
        "SELECT if(a, b, c) AS i, ifnull(a, b) AS n, a DIV 2 AS d, a <=> c AS s FROM t",
        "SELECT a FROM t FORCE INDEX (by_a) WHERE a > 0",
        "SELECT cast(a AS unsigned) AS u, convert(b USING utf8mb4) AS c FROM t",
        "SELECT date_add(ts, INTERVAL 1 MONTH) AS m, timestampdiff(DAY, ts, ts) AS d FROM t",
        "SELECT a, count(*) AS n FROM t GROUP BY a WITH ROLLUP",
        "SELECT b REGEXP 'x' AS r, b RLIKE 'y' AS l FROM t",
        "SELECT x'ff' AS x, 0xff AS h, b'1' AS b, _utf8mb4'a' AS c, N'n' AS n",
        "SELECT @@version AS v, database() AS d, user() AS u",
        "SELECT insert(b, 1, 2, 'x') AS i, truncate(c, 2) AS t FROM t",
        "SELECT a && c AS x, a || c AS o, !a AS n FROM t",
        "SELECT 5 - -1 AS six -- a true comment",
        "SELECT 5--1 AS six",
        "SELECT b COLLATE utf8mb4_bin AS c FROM t ORDER BY a IS NULL, a",
    ),
    *_for(
        (MARIA,),
        "SELECT json_value(j, '$.a') AS v, json_detailed(j) AS d FROM t",
        "SELECT seq FROM seq_1_to_5",
    ),
    *_for(
        (MYSQL,),
        "SELECT j -> '$.a' AS v, j ->> '$.a' AS w FROM t",
        "SELECT x.n FROM json_table('[1, 2]', '$[*]' COLUMNS (n INT PATH '$')) AS x",
    ),
    *_for(
        (LITE,),
        'SELECT [a b], "c d", `e` FROM [quoted names]',
        "SELECT b || 'x' AS c, b GLOB 'x*' AS g, a IS NOT b AS n FROM t",
        "SELECT strftime('%Y', ts) AS y, datetime('now') AS d FROM t",
        "SELECT rowid AS r, a FROM t WHERE rowid > 0",
        "SELECT iif(a, b, c) AS i, typeof(a) AS t FROM t",
        "SELECT json_extract(t.j, '$.a') AS x, e.value FROM t, json_each(t.j) AS e",
        "SELECT b COLLATE NOCASE AS c FROM t",
        "SELECT x'00ff' AS b",
    ),
]
