import { Alert, Button, Code, Group, Modal, Stack, Table, TagsInput, Text, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { Confirm } from "@/components/ui/confirm";
import { CopyText } from "@/components/ui/copy-text";
import { Loading } from "@/components/ui/loading";
import { Panel } from "@/components/ui/panel";
import { ProblemAlert } from "@/components/ui/problem-alert";
import { RelativeTime } from "@/components/ui/time";
import { formErrors, toProblem } from "@/lib/api/problem";
import { type ApiKey, apiKeysQuery, useCreateApiKey, useRevokeApiKey } from "../api/access";
import { AccessProblem } from "./not-available";

export function ApiKeys() {
  const { data, error } = useQuery(apiKeysQuery);
  const [isAdding, setIsAdding] = useState(false);
  const [going, setGoing] = useState<ApiKey | null>(null);
  const revoke = useRevokeApiKey();
  if (error) return <AccessProblem error={error} what="API keys" />;
  if (!data) return <Loading />;
  return (
    <Panel
      title="API keys"
      padded={false}
      actions={
        <Button
          onClick={() => {
            setIsAdding(true);
          }}
        >
          New key
        </Button>
      }
    >
      {data.length === 0 && (
        <Text size="sm" c="dimmed" p="sm">
          No keys. Scripts and other services use one in place of a login.
        </Text>
      )}
      {data.length > 0 && (
        <div className="scroll-x">
          <Table>
            <Table.Thead>
              <Table.Tr>
                <Table.Th>Name</Table.Th>
                <Table.Th>Begins with</Table.Th>
                <Table.Th>Scopes</Table.Th>
                <Table.Th>Last used</Table.Th>
                <Table.Th>Ends</Table.Th>
                <Table.Th>
                  <span className="visually-hidden">Actions</span>
                </Table.Th>
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {data.map((key) => (
                <Table.Tr key={key.id}>
                  <Table.Td fw={600}>{key.name}</Table.Td>
                  <Table.Td className="mono">{key.prefix}</Table.Td>
                  <Table.Td>{key.scopes.join(", ")}</Table.Td>
                  <Table.Td>
                    {key.last_used_at ? <RelativeTime instant={key.last_used_at} /> : "never"}
                  </Table.Td>
                  <Table.Td>{key.expires_at ? <RelativeTime instant={key.expires_at} /> : "never"}</Table.Td>
                  <Table.Td ta="right">
                    <Button
                      variant="default"
                      size="compact-xs"
                      aria-label={`Revoke ${key.name}`}
                      onClick={() => {
                        setGoing(key);
                      }}
                    >
                      Revoke
                    </Button>
                  </Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </div>
      )}
      {isAdding && (
        <NewKey
          onClose={() => {
            setIsAdding(false);
          }}
        />
      )}
      <Confirm
        opened={going !== null}
        title={`Revoke ${going?.name ?? ""}?`}
        action="Revoke key"
        error={revoke.error}
        isPending={revoke.isPending}
        onClose={() => {
          setGoing(null);
        }}
        onConfirm={() => {
          if (going)
            revoke.mutate(going.id, {
              onSuccess: () => {
                setGoing(null);
              },
            });
        }}
      >
        <Text size="sm">Whatever uses it is refused from now on.</Text>
      </Confirm>
    </Panel>
  );
}

function NewKey({ onClose }: { onClose: () => void }) {
  const [name, setName] = useState("");
  const [scopes, setScopes] = useState<string[]>([]);
  const [end, setEnd] = useState("");
  const create = useCreateApiKey();
  const errors = create.error ? formErrors(toProblem(create.error), ["name", "scopes", "expires_at"]) : {};
  const submit = (event: FormEvent) => {
    event.preventDefault();
    create.mutate({
      name,
      scopes,
      ...(end ? { expires_at: new Date(`${end}T00:00:00Z`).toISOString() } : {}),
    });
  };
  return (
    <Modal opened onClose={onClose} title="New API key">
      {create.data ? (
        <Stack gap="sm">
          <Alert variant="light" color="yellow" title="Copy it now">
            <Text size="sm">It is shown this once; only its hash is kept.</Text>
          </Alert>
          <Group gap="xs" wrap="nowrap">
            <Code block style={{ flex: 1 }}>
              {create.data.key}
            </Code>
            <CopyText text={create.data.key} what="the key" />
          </Group>
          <Group justify="flex-end">
            <Button onClick={onClose}>I have it</Button>
          </Group>
        </Stack>
      ) : (
        <form onSubmit={submit} noValidate>
          <Stack gap="sm">
            <TextInput
              label="Name"
              required
              value={name}
              error={errors.name}
              onChange={(event) => {
                setName(event.currentTarget.value);
              }}
            />
            <TagsInput
              label="Scopes"
              value={scopes}
              error={errors.scopes}
              onChange={setScopes}
              placeholder="runs:read"
            />
            <TextInput
              label="Ends on"
              type="date"
              value={end}
              error={errors.expires_at}
              description="Empty: it does not end by itself."
              onChange={(event) => {
                setEnd(event.currentTarget.value);
              }}
            />
            {create.error && errors[""] && <ProblemAlert error={create.error} />}
            <Group justify="flex-end" gap="xs">
              <Button variant="default" onClick={onClose}>
                Close
              </Button>
              <Button type="submit" loading={create.isPending}>
                Make the key
              </Button>
            </Group>
          </Stack>
        </form>
      )}
    </Modal>
  );
}
