import { Button, SegmentedControl, Stack, Tabs, Text, useMantineColorScheme } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { Facts } from "@/components/ui/facts";
import { Page } from "@/components/ui/page";
import { Panel } from "@/components/ui/panel";
import { ProblemAlert } from "@/components/ui/problem-alert";
import { Status } from "@/components/ui/status";
import { meQuery, rotationQuery, useRotateSecrets } from "@/features/access/api/access";
import { ApiKeys } from "@/features/access/components/api-keys";
import { AuditLog } from "@/features/access/components/audit-log";
import { SecondFactor } from "@/features/access/components/second-factor";
import { Members } from "@/features/access/components/members";
import { connectionsQuery } from "@/features/connections/api/connections";
import { usePollMs } from "@/features/runs/api/live";
import { api, unwrap } from "@/lib/api/client";
import { plural, words } from "@/lib/format";
import { SETTINGS_TABS, type SettingsTab } from "../search";

const route = getRouteApi("/settings");
const NAMES: Record<SettingsTab, string> = {
  general: "General",
  members: "Members",
  keys: "API keys",
  audit: "Audit log",
  encryption: "Encryption",
};

const CHECKS: Record<string, string> = { mongodb: "MongoDB" };

export function SettingsPage() {
  const { tab } = route.useSearch();
  const navigate = route.useNavigate();
  return (
    <Page title="Settings">
      <Tabs
        value={tab ?? "general"}
        onChange={(next) =>
          void navigate({ search: { tab: SETTINGS_TABS.find((each) => each === next) }, replace: true })
        }
      >
        <Tabs.List mb="md" aria-label="Settings">
          {SETTINGS_TABS.map((each) => (
            <Tabs.Tab key={each} value={each}>
              {NAMES[each]}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        <Tabs.Panel value="general">
          <General />
        </Tabs.Panel>
        <Tabs.Panel value="members">
          <Members />
        </Tabs.Panel>
        <Tabs.Panel value="keys">
          <ApiKeys />
        </Tabs.Panel>
        <Tabs.Panel value="audit">
          <AuditLog />
        </Tabs.Panel>
        <Tabs.Panel value="encryption">
          <Encryption />
        </Tabs.Panel>
      </Tabs>
    </Page>
  );
}

function General() {
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  const { data: caller } = useQuery(meQuery);
  const { data: health, error } = useQuery({
    queryKey: ["health"],
    queryFn: ({ signal }) => unwrap(api.GET("/health", { signal })),
    refetchInterval: 10_000,
  });
  const isLive = usePollMs() === false;
  return (
    <Stack gap="md">
      <Panel title="Appearance">
        <SegmentedControl
          aria-label="Colours"
          value={colorScheme}
          data={[
            { value: "light", label: "Light" },
            { value: "dark", label: "Dark" },
            { value: "auto", label: "As the system" },
          ]}
          onChange={(value) => {
            setColorScheme(value as "light" | "dark" | "auto");
          }}
        />
      </Panel>
      {caller?.kind === "user" && caller.me.id && <SecondFactor isOn={caller.me.totp_enabled} />}
      <Panel title="This installation">
        <ProblemAlert error={error} />
        {health && (
          <Facts
            items={[
              [
                "Config API",
                <Status
                  key="s"
                  name={health.status === "healthy" ? "success" : "failed"}
                  label={health.status}
                />,
              ],
              ["Version", health.version],
              ["Environment", health.environment],
              ...Object.entries(health.checks).map(
                ([name, check]) =>
                  [CHECKS[name] ?? words(name), typeof check === "string" ? check : check.status] as const,
              ),
              [
                "Login",
                caller?.kind === "user"
                  ? caller.me.id
                    ? caller.me.email
                    : "none: everybody here is administrator"
                  : "none: meant for development on one machine",
              ],
              ["Changes arrive", isLive ? "as they happen" : "by asking every 2 s"],
            ]}
          />
        )}
      </Panel>
    </Stack>
  );
}

function Encryption() {
  const { data, error } = useQuery(connectionsQuery());
  const broken = data?.items.filter(({ status }) => status === "secret_unreadable") ?? [];
  return (
    <Stack gap="md">
      <Panel title="Stored secrets">
        <ProblemAlert error={error} />
        {data && (
          <Stack gap="sm">
            <Status
              name={broken.length === 0 ? "success" : "failed"}
              label={
                broken.length === 0
                  ? `The secrets of ${plural(data.total, "connection")} can be read`
                  : `${plural(broken.length, "connection")} cannot be read with the present keys: ${broken.map(({ name }) => name).join(", ")}`
              }
            />
            <Text size="sm">
              Passwords and keys are encrypted before they are stored and decrypted only to connect.
            </Text>
          </Stack>
        )}
      </Panel>
      <Rotation />
      <Panel title="Changing the key">
        <ol style={{ margin: 0, paddingLeft: 20, fontSize: "0.8125rem", lineHeight: 1.7 }}>
          <li>
            Put a new key first in <span className="mono">ENCRYPTION_KEY</span>, the old one behind it,
            separated by a comma, for both services. The first writes, all of them read.
          </li>
          <li>Restart both services. Stored secrets are encrypted anew in the background.</li>
          <li>When every connection above can be read, take the old key away and restart again.</li>
        </ol>
      </Panel>
    </Stack>
  );
}

function Rotation() {
  const { data, error } = useQuery(rotationQuery);
  const rotate = useRotateSecrets();
  return (
    <Panel
      title="Encrypt everything with the newest key"
      actions={
        <Button
          variant="default"
          loading={rotate.isPending}
          disabled={!data || data.status === "running"}
          onClick={() => {
            rotate.mutate();
          }}
        >
          Encrypt anew
        </Button>
      }
    >
      <ProblemAlert error={error ?? rotate.error} />
      {data && (
        <Text size="sm" role="status">
          {data.status === "never"
            ? "Not done yet. It runs in the background and may be stopped and started at any point."
            : `${words(data.status)}: ${String(data.done)} of ${String(data.total)} looked at, ${String(data.rotated)} encrypted anew, ${String(data.unreadable)} unreadable.`}
        </Text>
      )}
    </Panel>
  );
}
