import {
  Box,
  Button,
  Group,
  NumberInput,
  PasswordInput,
  Select,
  SimpleGrid,
  Stack,
  Text,
  Textarea,
  TextInput,
  UnstyledButton,
} from "@mantine/core";
import { type FormEvent, useState } from "react";
import { Panel } from "@/components/ui/panel";
import { ProblemAlert } from "@/components/ui/problem-alert";
import { formErrors, toProblem } from "@/lib/api/problem";
import { type Connection, type Purpose, useSaveConnection, useTestConnection } from "../api/connections";
import { parseConnectionUrl } from "../model/connection-url";
import {
  applyUrl,
  type ConnectionValues,
  DEFAULT_PORTS,
  emptyValues,
  FORM_FIELDS,
  toBody,
  toTest,
  toUpdate,
  valuesOf,
} from "../model/connection-form";
import classes from "./connection-form.module.css";
import { DATABASE_TYPES, DatabaseIcon, databaseLabel } from "./database-icon";
import { TestReportView } from "./test-report";

const SSL_MODES = [
  { value: "disable", label: "disable: never encrypted" },
  { value: "prefer", label: "prefer: encrypted when the server can" },
  { value: "require", label: "require: encrypted, server not checked" },
  { value: "verify-ca", label: "verify-ca: certificate checked" },
  { value: "verify-full", label: "verify-full: certificate and name checked" },
];
const TIME_ZONES = ["UTC", ...Intl.supportedValuesOf("timeZone").filter((zone) => zone !== "UTC")];

interface Props {
  saved: Connection | null;
  onDirty: (isDirty: boolean) => void;
  onSaved: (connection: Connection) => void;
}

export function ConnectionForm({ saved, onDirty, onSaved }: Props) {
  const initial = saved ? valuesOf(saved) : emptyValues("postgresql");
  const [values, setValues] = useState(initial);
  const [purpose, setPurpose] = useState<Purpose>("source");
  const [urlFault, setUrlFault] = useState<string | null>(null);
  const save = useSaveConnection();
  const test = useTestConnection();
  const failure = save.error ?? test.error;
  const errors = failure ? formErrors(toProblem(failure), FORM_FIELDS) : {};
  const needsPassword = toProblem(save.error).code === "password_required";
  const change = (part: Partial<ConnectionValues>) => {
    const next = { ...values, ...part };
    setValues(next);
    onDirty(JSON.stringify(next) !== JSON.stringify(initial));
  };
  const fill = (text: string) => {
    const parsed = parseConnectionUrl(text);
    setUrlFault(
      text.trim() === "" || parsed
        ? null
        : "This is not a database URL such as postgresql://user@host/database.",
    );
    if (parsed) change(applyUrl(values, parsed));
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const body = saved ? toUpdate(values, valuesOf(saved)) : toBody(values);
    save.mutate({ id: saved?.id ?? null, version: saved?.version, body }, { onSuccess: onSaved });
  };
  const runTest = () => {
    const isUntouched = saved !== null && JSON.stringify(values) === JSON.stringify(valuesOf(saved));
    save.reset();
    test.mutate({ id: isUntouched ? saved.id : null, body: isUntouched ? null : toTest(values), purpose });
  };
  const isFile = values.db_type === "sqlite";
  return (
    <form onSubmit={submit} noValidate>
      <SimpleGrid cols={{ base: 1, lg: 2 }} spacing="md" style={{ alignItems: "start" }}>
        <Stack gap="md">
          <Panel title="Where the database is">
            <Stack gap="sm">
              {!saved && (
                <TypeCards
                  value={values.db_type}
                  onChange={(db_type) => {
                    change({ db_type });
                  }}
                />
              )}
              {!saved && (
                <TextInput
                  label="Fill from a URL"
                  description="Paste one; its parts land in the fields below. It is not kept."
                  placeholder="postgresql://reader@db.example.com:5432/shop"
                  error={urlFault}
                  onChange={(event) => {
                    fill(event.currentTarget.value);
                  }}
                  autoComplete="off"
                />
              )}
              <TextInput
                label="Name"
                required
                value={values.name}
                error={errors.name}
                placeholder="shop (read only)"
                onChange={(event) => {
                  change({ name: event.currentTarget.value });
                }}
              />
              {!isFile && (
                <Group gap="sm" wrap="nowrap" align="flex-start">
                  <TextInput
                    label="Host"
                    required
                    value={values.host}
                    error={errors.host}
                    flex={1}
                    onChange={(event) => {
                      change({ host: event.currentTarget.value });
                    }}
                  />
                  <TextInput
                    label="Port"
                    value={values.port}
                    error={errors.port}
                    w={104}
                    inputMode="numeric"
                    placeholder={DEFAULT_PORTS[values.db_type]}
                    onChange={(event) => {
                      change({ port: event.currentTarget.value.replace(/\D/g, "") });
                    }}
                  />
                </Group>
              )}
              <TextInput
                label={isFile ? "File name" : "Database"}
                required
                value={values.database}
                error={errors.database}
                description={
                  isFile ? "A plain name; the file lies in the installation's SQLite folder." : undefined
                }
                placeholder={isFile ? "warehouse.sqlite3" : undefined}
                onChange={(event) => {
                  change({ database: event.currentTarget.value });
                }}
              />
              {!isFile && (
                <>
                  <TextInput
                    label="User name"
                    required
                    value={values.username}
                    error={errors.username}
                    autoComplete="off"
                    onChange={(event) => {
                      change({ username: event.currentTarget.value });
                    }}
                  />
                  <Secret
                    label="Password"
                    value={values.password}
                    error={
                      needsPassword
                        ? "Type the password again: it is never sent to a new place by itself."
                        : errors.password
                    }
                    onChange={(password) => {
                      change({ password });
                    }}
                  />
                </>
              )}
            </Stack>
          </Panel>
          <details
            className={classes.more}
            open={Object.keys(errors).some((name) => name.startsWith("options.")) || undefined}
          >
            <summary>{isFile ? "More" : "Encryption and more"}</summary>
            <Stack gap="sm" mt="sm">
              {!isFile && (
                <>
                  <Select
                    label="TLS"
                    data={SSL_MODES}
                    value={values.ssl_mode}
                    error={errors["options.ssl_mode"]}
                    onChange={(mode) => {
                      change({ ssl_mode: mode as ConnectionValues["ssl_mode"] });
                    }}
                  />
                  <Textarea
                    label="CA certificate (PEM text)"
                    autosize
                    minRows={2}
                    maxRows={6}
                    value={values.ssl_ca}
                    error={errors["options.ssl_ca"]}
                    onChange={(event) => {
                      change({ ssl_ca: event.currentTarget.value });
                    }}
                  />
                  <Textarea
                    label="Client certificate (PEM text)"
                    autosize
                    minRows={2}
                    maxRows={6}
                    value={values.ssl_cert}
                    error={errors["options.ssl_cert"]}
                    onChange={(event) => {
                      change({ ssl_cert: event.currentTarget.value });
                    }}
                  />
                  <Secret
                    label="Client key (PEM text)"
                    value={values.ssl_key}
                    error={errors["options.ssl_key"]}
                    isLong
                    onChange={(ssl_key) => {
                      change({ ssl_key });
                    }}
                  />
                </>
              )}
              <Select
                label="Session time zone"
                searchable
                data={TIME_ZONES}
                value={values.session_time_zone}
                description="The zone in which wall-clock times without a zone are read."
                error={errors["options.session_time_zone"]}
                onChange={(zone) => {
                  change({ session_time_zone: zone ?? "UTC" });
                }}
              />
              <NumberInput
                label="Runs at the same time, at most"
                min={1}
                max={64}
                value={values.max_parallel}
                error={errors["options.max_parallel"]}
                onChange={(value) => {
                  change({ max_parallel: Number(value) || 1 });
                }}
              />
              {!isFile && (
                <TextInput
                  label="Schema for the engine's own tables"
                  value={values.ledger_schema}
                  error={errors["options.ledger_schema"]}
                  description="Where the ledger and the rejected rows are kept in a target; beside the target table by default."
                  onChange={(event) => {
                    change({ ledger_schema: event.currentTarget.value });
                  }}
                />
              )}
            </Stack>
          </details>
        </Stack>
        <Stack gap="md">
          <Panel title="Test">
            <Stack gap="sm">
              <Group gap="sm" align="flex-end">
                <Select
                  label="Test it as"
                  w={220}
                  value={purpose}
                  data={[
                    { value: "source", label: "source: read" },
                    { value: "target", label: "target: read and write" },
                  ]}
                  onChange={(value) => {
                    setPurpose(value as Purpose);
                  }}
                />
                <Button variant="default" size="sm" onClick={runTest} loading={test.isPending}>
                  Test connection
                </Button>
              </Group>
              {test.data ? (
                <TestReportView report={test.data} />
              ) : (
                <Text size="sm" c="dimmed">
                  Takes at most five seconds and shows each step: name, port, TLS, login, database, read
                  {purpose === "target" && ", write"}.
                </Text>
              )}
            </Stack>
          </Panel>
          {failure &&
            (errors[""] ? (
              <ProblemAlert error={toProblem(failure)} />
            ) : (
              <Text role="alert" size="sm" c="var(--app-bad)">
                Some fields need another look.
              </Text>
            ))}
          <Group gap="xs">
            <Button type="submit" size="sm" loading={save.isPending}>
              {saved ? "Save changes" : "Save connection"}
            </Button>
          </Group>
        </Stack>
      </SimpleGrid>
    </form>
  );
}

function TypeCards({
  value,
  onChange,
}: {
  value: ConnectionValues["db_type"];
  onChange: (type: ConnectionValues["db_type"]) => void;
}) {
  return (
    <div role="radiogroup" aria-label="Database type" className={classes.cards}>
      {DATABASE_TYPES.map((type) => (
        <UnstyledButton
          key={type}
          role="radio"
          aria-checked={value === type}
          className={classes.card}
          onClick={() => {
            onChange(type);
          }}
        >
          <DatabaseIcon type={type} />
          <Text size="sm" fw={600}>
            {databaseLabel(type)}
          </Text>
        </UnstyledButton>
      ))}
    </div>
  );
}

interface SecretProps {
  label: string;
  value: string | null;
  error?: string;
  isLong?: boolean;
  onChange: (value: string | null) => void;
}

function Secret({ label, value, error, isLong = false, onChange }: SecretProps) {
  if (value === null) {
    return (
      <Box>
        <Text size="sm" fw={500} component="div" mb={2}>
          {label}
        </Text>
        <Group gap="xs">
          <Text size="sm" c="dimmed">
            {isLong ? "Kept encrypted where one was given; never shown." : "Saved encrypted; never shown."}
          </Text>
          <Button
            variant="default"
            onClick={() => {
              onChange("");
            }}
            aria-label={`Replace ${label.toLowerCase()}`}
          >
            Replace
          </Button>
        </Group>
        {error && (
          <Text size="xs" c="var(--app-bad)" role="alert">
            {error}
          </Text>
        )}
      </Box>
    );
  }
  if (isLong) {
    return (
      <Textarea
        label={label}
        autosize
        minRows={2}
        maxRows={6}
        value={value}
        error={error}
        onChange={(event) => {
          onChange(event.currentTarget.value);
        }}
      />
    );
  }
  return (
    <PasswordInput
      label={label}
      value={value}
      error={error}
      autoComplete="new-password"
      visibilityToggleButtonProps={{ "aria-label": "Show or hide the password" }}
      onChange={(event) => {
        onChange(event.currentTarget.value);
      }}
    />
  );
}
