import { Box, Group, Text, Title } from "@mantine/core";
import type { ReactNode } from "react";

export function EmptyState({
  title,
  children,
  actions,
}: {
  title: string;
  children?: ReactNode;
  actions?: ReactNode;
}) {
  return (
    <Box className="panel" p="xl" ta="center">
      <Title order={2}>{title}</Title>
      {children && (
        <Text component="div" size="sm" c="dimmed" mt={6} maw={520} mx="auto">
          {children}
        </Text>
      )}
      {actions && (
        <Group justify="center" mt="md" gap="xs">
          {actions}
        </Group>
      )}
    </Box>
  );
}
