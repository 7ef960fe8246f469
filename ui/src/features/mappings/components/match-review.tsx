import { Button, Checkbox, Group, Stack, Text } from "@mantine/core";
import { useState } from "react";
import type { Match } from "../model/column-mappings";

/** Proposed pairs to look through before any is taken. */
export function MatchReview({
  matches,
  onApply,
  onClose,
}: {
  matches: readonly Match[];
  onApply: (chosen: Match[]) => void;
  onClose: () => void;
}) {
  const [refused, setRefused] = useState<ReadonlySet<string>>(
    () => new Set(matches.filter(({ how }) => how === "similar name").map(({ field }) => field)),
  );
  const chosen = matches.filter(({ field }) => !refused.has(field));
  const toggle = (field: string) => {
    const next = new Set(refused);
    if (!next.delete(field)) next.add(field);
    setRefused(next);
  };
  return (
    <Stack
      gap={6}
      p="sm"
      style={{ background: "var(--app-surface)" }}
      role="group"
      aria-label="Proposed matches"
    >
      <Text size="sm" fw={650}>
        {matches.length === 0
          ? "No open field has a source column of a like name."
          : "These fit by name. Take out what is wrong."}
      </Text>
      {matches.map(({ source, field, how }) => (
        <Checkbox
          key={field}
          size="xs"
          checked={!refused.has(field)}
          onChange={() => {
            toggle(field);
          }}
          label={
            <>
              <span className="mono">
                {source} → {field}
              </span>{" "}
              <Text span size="xs" c="dimmed">
                {how}
              </Text>
            </>
          }
        />
      ))}
      <Group gap="xs" mt={4}>
        {matches.length > 0 && (
          <Button
            disabled={chosen.length === 0}
            onClick={() => {
              onApply(chosen);
            }}
          >
            Take {chosen.length}
          </Button>
        )}
        <Button variant="default" onClick={onClose}>
          Close
        </Button>
      </Group>
    </Stack>
  );
}
