import { Button, Code, Group, PasswordInput, Stack, Text, TextInput } from "@mantine/core";
import { useState } from "react";
import { CopyText } from "@/components/ui/copy-text";
import { Panel } from "@/components/ui/panel";
import { ProblemAlert } from "@/components/ui/problem-alert";
import { Status } from "@/components/ui/status";
import { useConfirmTotp, useDisableTotp, useStartTotp } from "../api/access";

/** Set up or take away the codes of an authenticator app. */
export function SecondFactor({ isOn }: { isOn: boolean }) {
  const confirm = useConfirmTotp();
  if (confirm.data) return <RecoveryCodes codes={confirm.data.recovery_codes} />;
  return (
    <Panel
      title="Your second factor"
      actions={<Status name={isOn ? "success" : "warning"} label={isOn ? "On" : "Off"} />}
    >
      {isOn ? <TurnOff /> : <TurnOn confirm={confirm} />}
    </Panel>
  );
}

function TurnOn({ confirm }: { confirm: ReturnType<typeof useConfirmTotp> }) {
  const start = useStartTotp();
  const [otp, setOtp] = useState("");
  if (!start.data) {
    return (
      <Stack gap="sm" align="flex-start">
        <Text size="sm">With a second factor, a stolen password alone opens nothing.</Text>
        <ProblemAlert error={start.error} />
        <Button
          loading={start.isPending}
          onClick={() => {
            start.mutate();
          }}
        >
          Set it up
        </Button>
      </Stack>
    );
  }
  return (
    <Stack gap="sm">
      <Text size="sm">Add this secret to your authenticator app, then type the code that it shows.</Text>
      <Group gap="xs">
        <Code>{start.data.secret}</Code>
        <CopyText text={start.data.secret} what="the secret" />
        <a className="text-link" href={start.data.otpauth_url}>
          Open in an app
        </a>
      </Group>
      <Group gap="xs" align="flex-end">
        <TextInput
          label="Code"
          inputMode="numeric"
          autoComplete="one-time-code"
          value={otp}
          onChange={(event) => {
            setOtp(event.currentTarget.value);
          }}
        />
        <Button
          size="sm"
          loading={confirm.isPending}
          disabled={!otp}
          onClick={() => {
            confirm.mutate(otp.replace(/\s/g, ""));
          }}
        >
          Turn it on
        </Button>
      </Group>
      <ProblemAlert error={confirm.error} />
    </Stack>
  );
}

function RecoveryCodes({ codes }: { codes: readonly string[] }) {
  return (
    <Panel title="Recovery codes" actions={<CopyText text={codes.join("\n")} what="the codes" />}>
      <Text size="sm" mb="xs">
        The second factor is on. Keep these somewhere safe: each opens the door once, and they are not shown
        again.
      </Text>
      <Code block>{codes.join("\n")}</Code>
    </Panel>
  );
}

function TurnOff() {
  const disable = useDisableTotp();
  const [password, setPassword] = useState("");
  return (
    <Stack gap="sm">
      <Group gap="xs" align="flex-end">
        <PasswordInput
          label="Password"
          w={240}
          autoComplete="current-password"
          value={password}
          onChange={(event) => {
            setPassword(event.currentTarget.value);
          }}
          visibilityToggleButtonProps={{ "aria-label": "Show or hide the password" }}
        />
        <Button
          size="sm"
          variant="default"
          loading={disable.isPending}
          disabled={!password}
          onClick={() => {
            disable.mutate(password);
          }}
        >
          Turn it off
        </Button>
      </Group>
      <ProblemAlert error={disable.error} />
    </Stack>
  );
}
