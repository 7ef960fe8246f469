import { Group, Select, Stack, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Loading } from "@/components/ui/loading";
import { Panel } from "@/components/ui/panel";
import { ProblemAlert } from "@/components/ui/problem-alert";
import { formatInstant, plural } from "@/lib/format";
import { type MappingVersion, versionsQuery } from "../api/mappings";
import { type DiffLine, diffLines } from "../model/diff";
import { describeVersion } from "../model/version-text";
import type { ConnectionChoice } from "./source-tab";
import classes from "./editor.module.css";

/** Every saved state of the mapping, and what changed between two of them. */
export function VersionsTab({
  mappingId,
  connections,
}: {
  mappingId: string;
  connections: readonly ConnectionChoice[];
}) {
  const { data, error } = useQuery(versionsQuery(mappingId));
  const [chosen, setChosen] = useState<{ from: string | null; to: string | null }>({ from: null, to: null });
  if (error) return <ProblemAlert error={error} />;
  if (!data) return <Loading />;
  const options = data.items.map(({ version, created_at }) => ({
    value: String(version),
    label: `Version ${String(version)} · ${formatInstant(created_at)}`,
  }));
  const find = (version: string | null, fallback: number): MappingVersion | undefined =>
    data.items.find((each) => String(each.version) === version) ?? data.items[fallback];
  const [from, to] = [find(chosen.from, 1), find(chosen.to, 0)];
  return (
    <Stack gap="md">
      <Group gap="sm">
        <Select
          label="From"
          w={300}
          data={options}
          value={from ? String(from.version) : null}
          onChange={(value) => {
            setChosen({ ...chosen, from: value });
          }}
        />
        <Select
          label="To"
          w={300}
          data={options}
          value={to ? String(to.version) : null}
          onChange={(value) => {
            setChosen({ ...chosen, to: value });
          }}
        />
      </Group>
      {!from || !to ? (
        <Text size="sm" c="dimmed">
          There is one version so far. {plural(data.total, "version")} kept.
        </Text>
      ) : (
        <Difference
          from={from}
          to={to}
          connectionName={(id) => connections.find((connection) => connection.id === id)?.name ?? id}
        />
      )}
    </Stack>
  );
}

interface DifferenceProps {
  from: MappingVersion;
  to: MappingVersion;
  connectionName: (id: string) => string;
}

function Difference({ from, to, connectionName }: DifferenceProps) {
  const parts = [
    { title: "Query", lines: diffLines(from.source_query, to.source_query) },
    {
      title: "Settings, columns and column mappings",
      lines: diffLines(describeVersion(from, connectionName), describeVersion(to, connectionName)),
    },
  ];
  return (
    <>
      {parts.map(({ title, lines }) => (
        <Panel
          key={title}
          title={title}
          padded={false}
          actions={
            <Text size="sm" c="dimmed">
              {countChanges(lines)}
            </Text>
          }
        >
          <pre className={classes.diff} tabIndex={0} aria-label={`${title}: differences`}>
            {lines.map((line, index) => (
              <div key={index} data-kind={line.kind}>
                {line.kind === "added" ? "+ " : line.kind === "removed" ? "− " : "  "}
                {line.text}
              </div>
            ))}
          </pre>
        </Panel>
      ))}
    </>
  );
}

function countChanges(lines: readonly DiffLine[]): string {
  const count = (kind: DiffLine["kind"]) => lines.filter((line) => line.kind === kind).length;
  const [added, removed] = [count("added"), count("removed")];
  return added + removed === 0 ? "no change" : `${String(added)} added, ${String(removed)} removed`;
}
