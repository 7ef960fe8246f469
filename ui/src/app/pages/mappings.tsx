import { Table, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { EmptyState } from "@/components/ui/empty-state";
import { LinkButton } from "@/components/ui/link-button";
import { Loading } from "@/components/ui/loading";
import { Page } from "@/components/ui/page";
import { ProblemAlert } from "@/components/ui/problem-alert";
import { SearchField } from "@/components/ui/search-field";
import { Status } from "@/components/ui/status";
import { connectionsQuery } from "@/features/connections/api/connections";
import { mappingsQuery } from "@/features/mappings/api/mappings";
import { usePollMs } from "@/features/runs/api/live";
import { isUnfinished, runsQuery } from "@/features/runs/api/runs";
import { plural, words } from "@/lib/format";

const route = getRouteApi("/mappings");

export function MappingsPage() {
  const { q } = route.useSearch();
  const navigate = route.useNavigate();
  const { data, error, refetch } = useQuery(mappingsQuery(q ? { q } : {}));
  const { data: connections } = useQuery(connectionsQuery());
  const { data: runs } = useQuery(runsQuery({ limit: 200 }, usePollMs()));
  const nameOf = (id: string | null) =>
    id === null
      ? "default target"
      : (connections?.items.find((connection) => connection.id === id)?.name ?? "…");
  const lastRun = (id: string) =>
    runs?.items.find((run) => run.mapping_id === id && run.status !== "skipped");
  return (
    <Page
      title="Mappings"
      description="A query, and the table that its result goes to."
      actions={<LinkButton to="/mappings/new">New mapping</LinkButton>}
    >
      <SearchField
        label="Search mappings"
        value={q ?? ""}
        onSearch={(text) => void navigate({ search: { q: text || undefined }, replace: true })}
      />
      <ProblemAlert error={error} onRetry={() => void refetch()} />
      {!data && !error && <Loading />}
      {data?.items.length === 0 && (
        <EmptyState
          title={q ? "No mapping has this in its name" : "No mappings yet"}
          actions={!q && <LinkButton to="/mappings/new">Start the first one</LinkButton>}
        >
          Choose a source, write a query, and see its rows before anything is saved.
        </EmptyState>
      )}
      {data && data.items.length > 0 && (
        <div className="panel scroll-x">
          <Table>
            <Table.Thead>
              <Table.Tr>
                <Table.Th>Mapping</Table.Th>
                <Table.Th visibleFrom="sm">From</Table.Th>
                <Table.Th>To</Table.Th>
                <Table.Th visibleFrom="sm">Writes</Table.Th>
                <Table.Th>Last run</Table.Th>
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {data.items.map((mapping) => {
                const run = lastRun(mapping.id);
                return (
                  <Table.Tr key={mapping.id}>
                    <Table.Td>
                      <Link to="/mappings/$mappingId" params={{ mappingId: mapping.id }} className="row-link">
                        {mapping.name}
                      </Link>
                      {mapping.description && (
                        <Text size="xs" c="dimmed" lineClamp={2}>
                          {mapping.description}
                        </Text>
                      )}
                    </Table.Td>
                    <Table.Td visibleFrom="sm">{nameOf(mapping.source_connection_id)}</Table.Td>
                    <Table.Td>
                      <Text size="sm" className="mono">
                        {mapping.target_table}
                      </Text>
                      <Text size="xs" c="dimmed">
                        {nameOf(mapping.target_connection_id)}
                      </Text>
                    </Table.Td>
                    <Table.Td visibleFrom="sm">
                      {words(mapping.write_mode)}
                      {mapping.incremental && ", new rows only"}
                    </Table.Td>
                    <Table.Td>
                      {mapping.problems.length > 0 ? (
                        <Status
                          name="warning"
                          label={`${plural(mapping.problems.length, "problem")} to solve`}
                        />
                      ) : run ? (
                        <Link to="/runs/$runId" params={{ runId: run.id }} className="row-link">
                          <Status
                            name={run.status}
                            label={isUnfinished(run) ? undefined : words(run.status)}
                          />
                        </Link>
                      ) : (
                        <Text size="sm" c="dimmed">
                          never run
                        </Text>
                      )}
                    </Table.Td>
                  </Table.Tr>
                );
              })}
            </Table.Tbody>
          </Table>
        </div>
      )}
    </Page>
  );
}
