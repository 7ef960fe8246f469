import { expect, test } from "vitest";
import { parseConnectionUrl } from "./connection-url";

test("a URL gives its parts", () => {
  expect(
    parseConnectionUrl("postgresql://read%40er:s%2Fecret@db.example.com:6432/shop?sslmode=require"),
  ).toEqual({
    db_type: "postgresql",
    host: "db.example.com",
    port: 6432,
    database: "shop",
    username: "read@er",
    password: "s/ecret",
    ssl_mode: "require",
  });
});

test("drivers, JDBC and other names of the same database are understood", () => {
  expect(parseConnectionUrl("mysql+pymysql://root@localhost/shop")?.db_type).toBe("mysql");
  expect(parseConnectionUrl("jdbc:mariadb://h:3307/d?user=u&password=p")).toEqual({
    db_type: "mysql",
    host: "h",
    port: 3307,
    database: "d",
    username: "u",
    password: "p",
  });
  expect(parseConnectionUrl("postgres://[::1]:80/d")).toMatchObject({ host: "::1", port: 80 });
  expect(parseConnectionUrl("sqlite:///var/data/shop.sqlite3")).toEqual({
    db_type: "sqlite",
    database: "shop.sqlite3",
  });
});

test("other text is no URL", () => {
  expect(parseConnectionUrl("https://example.com")).toBeNull();
  expect(parseConnectionUrl("db.example.com")).toBeNull();
});
