import {
  Button,
  Group,
  Modal,
  PasswordInput,
  Select,
  Stack,
  Switch,
  Table,
  Text,
  TextInput,
} from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { Confirm } from "@/components/ui/confirm";
import { Loading } from "@/components/ui/loading";
import { Panel } from "@/components/ui/panel";
import { ProblemAlert } from "@/components/ui/problem-alert";
import { RelativeTime } from "@/components/ui/time";
import { formErrors, toProblem } from "@/lib/api/problem";
import { type Role, type User, useCreateUser, useDeleteUser, usersQuery } from "../api/access";
import { AccessProblem } from "./not-available";

export function Members() {
  const { data, error } = useQuery(usersQuery);
  const [isAdding, setIsAdding] = useState(false);
  const [leaving, setLeaving] = useState<User | null>(null);
  const remove = useDeleteUser();
  if (error) return <AccessProblem error={error} what="members" />;
  if (!data) return <Loading />;
  return (
    <Panel
      title="Members"
      padded={false}
      actions={
        <Button
          onClick={() => {
            setIsAdding(true);
          }}
        >
          Add a member
        </Button>
      }
    >
      <div className="scroll-x">
        <Table>
          <Table.Thead>
            <Table.Tr>
              <Table.Th>E-mail</Table.Th>
              <Table.Th>Role</Table.Th>
              <Table.Th visibleFrom="sm">Second factor</Table.Th>
              <Table.Th visibleFrom="sm">Last login</Table.Th>
              <Table.Th>
                <span className="visually-hidden">Actions</span>
              </Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {data.length === 0 && (
              <Table.Tr>
                <Table.Td colSpan={5} c="dimmed">
                  Nobody yet. An installation without a login takes everybody on this machine for an
                  administrator.
                </Table.Td>
              </Table.Tr>
            )}
            {data.map((user) => (
              <Table.Tr key={user.id}>
                <Table.Td fw={600}>{user.email}</Table.Td>
                <Table.Td>
                  {user.role === "ADMIN" ? "Administrator" : user.read_only ? "Member, read only" : "Member"}
                </Table.Td>
                <Table.Td visibleFrom="sm">{user.totp_enabled ? "on" : "off"}</Table.Td>
                <Table.Td visibleFrom="sm">
                  {user.last_login_at ? (
                    <RelativeTime instant={user.last_login_at} />
                  ) : (
                    <Text size="sm" c="dimmed">
                      never
                    </Text>
                  )}
                </Table.Td>
                <Table.Td ta="right">
                  <Button
                    variant="default"
                    size="compact-xs"
                    aria-label={`Remove ${user.email}`}
                    onClick={() => {
                      setLeaving(user);
                    }}
                  >
                    Remove
                  </Button>
                </Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </div>
      <AddMember
        opened={isAdding}
        onClose={() => {
          setIsAdding(false);
        }}
      />
      <Confirm
        opened={leaving !== null}
        title={`Remove ${leaving?.email ?? ""}?`}
        action="Remove member"
        error={remove.error}
        isPending={remove.isPending}
        onClose={() => {
          setLeaving(null);
        }}
        onConfirm={() => {
          if (leaving)
            remove.mutate(leaving.id, {
              onSuccess: () => {
                setLeaving(null);
              },
            });
        }}
      >
        <Text size="sm">Their sessions end. What they made stays, and the audit log keeps their name.</Text>
      </Confirm>
    </Panel>
  );
}

function AddMember({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  const [values, setValues] = useState({
    email: "",
    password: "",
    role: "TENANT_USER" as Role,
    read_only: false,
  });
  const create = useCreateUser();
  const errors = create.error
    ? formErrors(toProblem(create.error), ["email", "password", "role", "read_only"])
    : {};
  const submit = (event: FormEvent) => {
    event.preventDefault();
    create.mutate(values, { onSuccess: onClose });
  };
  return (
    <Modal opened={opened} onClose={onClose} title="Add a member">
      <form onSubmit={submit} noValidate>
        <Stack gap="sm">
          <TextInput
            label="E-mail"
            type="email"
            required
            value={values.email}
            error={errors.email}
            onChange={(event) => {
              setValues({ ...values, email: event.currentTarget.value });
            }}
          />
          <PasswordInput
            label="First password"
            required
            autoComplete="new-password"
            value={values.password}
            error={errors.password}
            onChange={(event) => {
              setValues({ ...values, password: event.currentTarget.value });
            }}
            visibilityToggleButtonProps={{ "aria-label": "Show or hide the password" }}
          />
          <Select
            label="Role"
            value={values.role}
            data={[
              { value: "TENANT_USER", label: "Member: works in this tenant" },
              { value: "ADMIN", label: "Administrator: all tenants" },
            ]}
            onChange={(role) => {
              setValues({ ...values, role: role as Role });
            }}
          />
          <Switch
            label="May only look"
            checked={values.read_only}
            onChange={(event) => {
              setValues({ ...values, read_only: event.currentTarget.checked });
            }}
          />
          {create.error && errors[""] && <ProblemAlert error={create.error} />}
          <Group justify="flex-end" gap="xs">
            <Button variant="default" onClick={onClose}>
              Close
            </Button>
            <Button type="submit" loading={create.isPending}>
              Add
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
