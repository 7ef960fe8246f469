import { Button, Center, Paper, PasswordInput, Stack, Text, TextInput, Title } from "@mantine/core";
import { type FormEvent, useState } from "react";
import { ProblemAlert } from "@/components/ui/problem-alert";
import { toProblem } from "@/lib/api/problem";
import { useDocumentTitle } from "@/lib/use-document-title";
import { useLogin } from "../api/access";

/** E-mail and password; the second factor is asked for once the server wants it. */
export function LoginForm() {
  useDocumentTitle("Sign in");
  const [email, setEmail] = useState("");
  const [password, setPassword] = useState("");
  const [otp, setOtp] = useState("");
  const login = useLogin();
  const code = login.error ? toProblem(login.error).code : "";
  const wantsOtp = /otp|totp|second_factor|mfa/.test(code) || otp !== "";
  const isFirstAsk = wantsOtp && otp === "";
  const submit = (event: FormEvent) => {
    event.preventDefault();
    login.mutate({ email: email.trim(), password, ...(otp ? { otp: otp.replace(/\s/g, "") } : {}) });
  };
  return (
    <Center component="main" mih="100dvh" p="md" bg="var(--app-surface)">
      <Paper withBorder p="xl" w={380} maw="100%" component="form" onSubmit={submit} noValidate>
        <Stack gap="md">
          <div>
            <Title order={1}>Sign in</Title>
            <Text size="sm" c="dimmed">
              to the ETL engine
            </Text>
          </div>
          <TextInput
            label="E-mail"
            type="email"
            required
            autoComplete="username"
            value={email}
            onChange={(event) => {
              setEmail(event.currentTarget.value);
            }}
            data-autofocus
          />
          <PasswordInput
            label="Password"
            required
            autoComplete="current-password"
            value={password}
            onChange={(event) => {
              setPassword(event.currentTarget.value);
            }}
            visibilityToggleButtonProps={{ "aria-label": "Show or hide the password" }}
          />
          {wantsOtp && (
            <TextInput
              label="Second factor"
              description="The six digits of your authenticator app, or a recovery code."
              required
              autoComplete="one-time-code"
              value={otp}
              onChange={(event) => {
                setOtp(event.currentTarget.value);
              }}
              autoFocus
            />
          )}
          {login.error && !isFirstAsk && <ProblemAlert error={login.error} />}
          <Button type="submit" size="sm" fullWidth loading={login.isPending} disabled={!email || !password}>
            Sign in
          </Button>
        </Stack>
      </Paper>
    </Center>
  );
}
