import { Alert, Button, List, Stack, Text } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { useRef, useState } from "react";
import { Confirm } from "@/components/ui/confirm";
import { TextLink } from "@/components/ui/link-button";
import { Loading } from "@/components/ui/loading";
import { Page } from "@/components/ui/page";
import { ProblemAlert } from "@/components/ui/problem-alert";
import { UnsavedGuard } from "@/components/ui/unsaved-guard";
import {
  type Connection,
  connectionQuery,
  useDeleteConnection,
} from "@/features/connections/api/connections";
import { ConnectionForm } from "@/features/connections/components/connection-form";
import { databaseLabel } from "@/features/connections/components/database-icon";
import { mappingsQuery } from "@/features/mappings/api/mappings";

const route = getRouteApi("/connections/$connectionId");

export function NewConnectionPage() {
  const [isDirty, setIsDirty] = useState(false);
  const pass = useRef(false);
  const navigate = useNavigate();
  const leave = (connection: Connection) => {
    pass.current = true;
    notifications.show({ message: `${connection.name} is saved.` });
    void navigate({ to: "/connections/$connectionId", params: { connectionId: connection.id } });
  };
  return (
    <Page
      title="New connection"
      description="The password is encrypted before it is stored and is never shown again."
    >
      <UnsavedGuard isDirty={isDirty} pass={pass} />
      <ConnectionForm saved={null} onDirty={setIsDirty} onSaved={leave} />
    </Page>
  );
}

export function ConnectionPage() {
  const { connectionId } = route.useParams();
  const { data, error } = useQuery(connectionQuery(connectionId));
  const [isDirty, setIsDirty] = useState(false);
  if (error)
    return (
      <Page title="Connection">
        <ProblemAlert error={error} />
      </Page>
    );
  if (!data) return <Loading />;
  return (
    <Page
      title={data.name}
      description={databaseLabel(data.db_type)}
      actions={<DeleteConnection connection={data} />}
    >
      <UnsavedGuard isDirty={isDirty} />
      {data.warnings.length > 0 && (
        <Alert color="yellow" variant="light" title="Worth knowing">
          <Stack gap={2}>
            {data.warnings.map((warning) => (
              <Text size="sm" key={warning.code}>
                {warning.message}
              </Text>
            ))}
          </Stack>
        </Alert>
      )}
      <ConnectionForm
        key={data.version}
        saved={data}
        onDirty={setIsDirty}
        onSaved={(connection) => {
          setIsDirty(false);
          notifications.show({ message: `${connection.name} is saved.` });
        }}
      />
    </Page>
  );
}

function DeleteConnection({ connection }: { connection: Connection }) {
  const [isOpen, setIsOpen] = useState(false);
  const remove = useDeleteConnection();
  const navigate = useNavigate();
  const { data } = useQuery(mappingsQuery());
  const users =
    data?.items.filter(
      (one) => one.source_connection_id === connection.id || one.target_connection_id === connection.id,
    ) ?? [];
  const confirm = () => {
    remove.mutate(connection.id, { onSuccess: () => void navigate({ to: "/connections" }) });
  };
  return (
    <>
      <Button
        variant="default"
        onClick={() => {
          setIsOpen(true);
        }}
      >
        Delete
      </Button>
      <Confirm
        opened={isOpen}
        title={`Delete ${connection.name}?`}
        action="Delete connection"
        error={remove.error}
        isBlocked={users.length > 0}
        isPending={remove.isPending}
        onConfirm={confirm}
        onClose={() => {
          setIsOpen(false);
        }}
      >
        {users.length === 0 ? (
          <Text size="sm">No mapping uses it. Its stored password is deleted with it.</Text>
        ) : (
          <>
            <Text size="sm">It cannot be deleted while these mappings use it:</Text>
            <List size="sm" mt="xs">
              {users.map((mapping) => (
                <List.Item key={mapping.id}>
                  <TextLink to="/mappings/$mappingId" params={{ mappingId: mapping.id }} size="sm">
                    {mapping.name}
                  </TextLink>
                </List.Item>
              ))}
            </List>
          </>
        )}
      </Confirm>
    </>
  );
}
