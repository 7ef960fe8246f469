import { Box, Group, Title } from "@mantine/core";
import type { ReactNode } from "react";

interface Props {
  title?: ReactNode;
  actions?: ReactNode;
  padded?: boolean;
  children: ReactNode;
}

export function Panel({ title, actions, padded = true, children }: Props) {
  return (
    <Box component="section" className="panel">
      {(title !== undefined || actions !== undefined) && (
        <Group className="panel-head" justify="space-between" gap="xs">
          <Title order={2}>{title}</Title>
          {actions && <Group gap="xs">{actions}</Group>}
        </Group>
      )}
      <Box p={padded ? "sm" : 0}>{children}</Box>
    </Box>
  );
}
