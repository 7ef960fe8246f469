import { Group, Table, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { EmptyState } from "@/components/ui/empty-state";
import { LinkButton } from "@/components/ui/link-button";
import { Loading } from "@/components/ui/loading";
import { Page } from "@/components/ui/page";
import { ProblemAlert } from "@/components/ui/problem-alert";
import { SearchField } from "@/components/ui/search-field";
import { Status } from "@/components/ui/status";
import { RelativeTime } from "@/components/ui/time";
import { type Connection, connectionsQuery } from "@/features/connections/api/connections";
import { DatabaseIcon, databaseLabel } from "@/features/connections/components/database-icon";
import { SampleButton } from "@/features/connections/components/sample-button";
import { mappingsQuery } from "@/features/mappings/api/mappings";
import { plural } from "@/lib/format";
import { Link } from "@tanstack/react-router";

const route = getRouteApi("/connections");

export function ConnectionsPage() {
  const { q } = route.useSearch();
  const navigate = route.useNavigate();
  const { data, error, refetch } = useQuery(connectionsQuery(q ? { q } : {}));
  const { data: mappings } = useQuery(mappingsQuery());
  const uses = (id: string) =>
    mappings?.items.filter(
      (mapping) => mapping.source_connection_id === id || mapping.target_connection_id === id,
    ).length ?? 0;
  return (
    <Page
      title="Connections"
      description="Where the databases are that mappings read from and write to."
      actions={<LinkButton to="/connections/new">New connection</LinkButton>}
    >
      <SearchField
        label="Search connections"
        value={q ?? ""}
        onSearch={(text) => void navigate({ search: { q: text || undefined }, replace: true })}
      />
      <ProblemAlert error={error} onRetry={() => void refetch()} />
      {!data && !error && <Loading />}
      {data?.items.length === 0 && (
        <EmptyState
          title={q ? "No connection has this in its name" : "No connections yet"}
          actions={
            !q && (
              <>
                <LinkButton to="/connections/new">Add the first one</LinkButton>
                <SampleButton />
              </>
            )
          }
        >
          {q
            ? "Try another part of the name."
            : "A mapping needs one to read from. PostgreSQL, MySQL, MariaDB and SQLite are spoken."}
        </EmptyState>
      )}
      {data && data.items.length > 0 && (
        <div className="panel scroll-x">
          <Table>
            <Table.Thead>
              <Table.Tr>
                <Table.Th>Connection</Table.Th>
                <Table.Th visibleFrom="sm">Place</Table.Th>
                <Table.Th>Last test</Table.Th>
                <Table.Th visibleFrom="sm">Used by</Table.Th>
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {data.items.map((connection) => (
                <Table.Tr key={connection.id}>
                  <Table.Td>
                    <Group gap="sm" wrap="nowrap">
                      <DatabaseIcon type={connection.db_type} />
                      <div>
                        <Link
                          to="/connections/$connectionId"
                          params={{ connectionId: connection.id }}
                          className="row-link"
                        >
                          {connection.name}
                        </Link>
                        <Text size="xs" c="dimmed">
                          {databaseLabel(connection.db_type)}
                        </Text>
                        <Text size="xs" c="dimmed" hiddenFrom="sm" style={{ overflowWrap: "anywhere" }}>
                          {placeOf(connection)}
                        </Text>
                      </div>
                    </Group>
                  </Table.Td>
                  <Table.Td visibleFrom="sm">
                    <Text size="sm" className="mono">
                      {placeOf(connection)}
                    </Text>
                  </Table.Td>
                  <Table.Td>
                    <LastTest connection={connection} />
                  </Table.Td>
                  <Table.Td className="nowrap" visibleFrom="sm">
                    {uses(connection.id) === 0 ? "nothing" : plural(uses(connection.id), "mapping")}
                  </Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </div>
      )}
    </Page>
  );
}

function placeOf(connection: Connection): string {
  if (connection.db_type === "sqlite") return connection.database;
  return `${connection.host ?? ""}:${String(connection.port ?? "")}/${connection.database}`;
}

function LastTest({ connection }: { connection: Connection }) {
  if (connection.status === "secret_unreadable") return <Status name="failed" label="Secret unreadable" />;
  if (!connection.last_tested_at) return <Status name="untested" label="Not tested" />;
  return (
    <Group gap="xs" wrap="nowrap">
      <Status
        name={connection.last_test_status === "success" ? "success" : "failed"}
        label={connection.last_test_status === "success" ? "Works" : "Failed"}
      />
      <RelativeTime instant={connection.last_tested_at} />
    </Group>
  );
}
