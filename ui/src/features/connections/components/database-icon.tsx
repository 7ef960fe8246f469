import { Box } from "@mantine/core";
import type { DatabaseType } from "../model/connection-url";

const LOOKS: Record<DatabaseType, { letters: string; color: string; label: string }> = {
  postgresql: { letters: "Pg", color: "#2f5d8c", label: "PostgreSQL" },
  mysql: { letters: "My", color: "#8a4b00", label: "MySQL, MariaDB" },
  sqlite: { letters: "Sq", color: "#3c5a66", label: "SQLite" },
};

export const DATABASE_TYPES = Object.keys(LOOKS) as DatabaseType[];

export function databaseLabel(type: DatabaseType): string {
  return LOOKS[type].label;
}

export function DatabaseIcon({ type, size = 28 }: { type: DatabaseType; size?: number }) {
  return (
    <Box
      aria-hidden
      style={{
        width: size,
        height: size,
        borderRadius: 6,
        background: LOOKS[type].color,
        color: "#fff",
        flex: "none",
        display: "grid",
        placeItems: "center",
        font: `700 ${String(size * 0.42)}px var(--mantine-font-family)`,
      }}
    >
      {LOOKS[type].letters}
    </Box>
  );
}
