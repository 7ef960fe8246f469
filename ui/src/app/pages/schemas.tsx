import { Table, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { EmptyState } from "@/components/ui/empty-state";
import { LinkButton } from "@/components/ui/link-button";
import { Loading } from "@/components/ui/loading";
import { Page } from "@/components/ui/page";
import { ProblemAlert } from "@/components/ui/problem-alert";
import { SearchField } from "@/components/ui/search-field";
import { mappingsQuery } from "@/features/mappings/api/mappings";
import { schemasQuery } from "@/features/schemas/api/schemas";
import { plural } from "@/lib/format";

const route = getRouteApi("/schemas");

export function SchemasPage() {
  const { q } = route.useSearch();
  const navigate = route.useNavigate();
  const { data, error, refetch } = useQuery(schemasQuery(q ? { q } : {}));
  const { data: mappings } = useQuery(mappingsQuery());
  return (
    <Page
      title="Schemas"
      description="The declared columns and types of target tables."
      actions={<LinkButton to="/schemas/new">New schema</LinkButton>}
    >
      <SearchField
        label="Search schemas"
        value={q ?? ""}
        onSearch={(text) => void navigate({ search: { q: text || undefined }, replace: true })}
      />
      <ProblemAlert error={error} onRetry={() => void refetch()} />
      {!data && !error && <Loading />}
      {data?.items.length === 0 && (
        <EmptyState title={q ? "No schema has this in its name" : "No schemas yet"}>
          The mapping editor proposes one from a query. They can be written here as well.
        </EmptyState>
      )}
      {data && data.items.length > 0 && (
        <div className="panel scroll-x">
          <Table>
            <Table.Thead>
              <Table.Tr>
                <Table.Th>Schema</Table.Th>
                <Table.Th>Columns</Table.Th>
                <Table.Th>Key</Table.Th>
                <Table.Th>Used by</Table.Th>
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {data.items.map((schema) => {
                const uses =
                  mappings?.items.filter((mapping) => mapping.target_schema_id === schema.id).length ?? 0;
                return (
                  <Table.Tr key={schema.id}>
                    <Table.Td>
                      <Link to="/schemas/$schemaId" params={{ schemaId: schema.id }} className="row-link">
                        {schema.name}
                      </Link>
                      {schema.description && (
                        <Text size="xs" c="dimmed">
                          {schema.description}
                        </Text>
                      )}
                    </Table.Td>
                    <Table.Td>{plural(schema.columns.length, "column")}</Table.Td>
                    <Table.Td className="mono">
                      {schema.columns
                        .filter((column) => column.primary_key)
                        .map((column) => column.name)
                        .join(", ") || "none"}
                    </Table.Td>
                    <Table.Td className="nowrap">{uses === 0 ? "nothing" : plural(uses, "mapping")}</Table.Td>
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
