"""Sends a notice as mail, through the server that SMTP_URL names."""

import json
import smtplib
import socket
import ssl
from email.message import EmailMessage
from ipaddress import ip_address
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

from executor.notices.failure import NotTaken
from shared.secret import Secret

STEP_SECONDS = 10.0
_PORTS = {"smtp": 25, "smtps": 465}


def mail_notice(
    smtp_url: Secret | None, sender: str | None, recipient: str, notice_id: str, body: str
) -> None:
    """Hand a mail to the server. Blocking. Raises NotTaken."""
    if smtp_url is None or sender is None:
        raise NotTaken("smtp_not_configured")
    message = _message(sender, recipient, notice_id, json.loads(body))
    try:
        _hand_over(urlsplit(smtp_url.reveal()), message)
    except TimeoutError as error:
        raise NotTaken("timed_out") from error
    except ssl.SSLError as error:
        raise NotTaken("tls_failed") from error
    except smtplib.SMTPResponseException as error:
        raise NotTaken(f"answered_{error.smtp_code}") from error
    except smtplib.SMTPRecipientsRefused as error:
        raise NotTaken("recipient_refused") from error
    except (OSError, smtplib.SMTPException) as error:
        raise NotTaken("not_reachable") from error


def _hand_over(parts: SplitResult, message: EmailMessage) -> None:
    """A password goes through TLS only, but on this machine; without one TLS is used where the server has it."""
    host, port = parts.hostname or "", parts.port or _PORTS[parts.scheme]
    context, name = ssl.create_default_context(), socket.gethostname()
    client: smtplib.SMTP
    if parts.scheme == "smtps":
        client = smtplib.SMTP_SSL(host, port, local_hostname=name, timeout=STEP_SECONDS, context=context)
    else:
        client = smtplib.SMTP(host, port, local_hostname=name, timeout=STEP_SECONDS)
    with client:
        client.ehlo()
        secure = parts.scheme == "smtps"
        if not secure and client.has_extn("starttls"):
            client.starttls(context=context)
            client.ehlo()
            secure = True
        if parts.username:
            if not secure and not _is_here(host):
                raise NotTaken("smtp_without_tls")
            client.login(unquote(parts.username), unquote(parts.password or ""))
        client.send_message(message)


def _message(sender: str, recipient: str, notice_id: str, said: dict[str, Any]) -> EmailMessage:
    kind, run = said["type"].removeprefix("run."), said["run"]
    message = EmailMessage()
    message["From"] = sender
    message["To"] = recipient
    message["Subject"] = " ".join(f"{kind}: {said['mapping']['name']}".splitlines())
    message["Message-ID"] = f"<{notice_id}@{sender.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"
    lines = [
        f"{_WORDS[kind]} of the mapping {said['mapping']['name']}",
        *([f"Schedule: {said['schedule']['name']}"] if said["schedule"] else []),
        *([f"Due at: {run['scheduled_for']}"] if run["scheduled_for"] else []),
        *([f"Error: {run['error']['code']}: {run['error']['message']}"] if run["error"] else []),
        "",
        json.dumps(said, indent=2, ensure_ascii=False),
    ]
    message.set_content("\n".join(lines))
    return message


_WORDS = {"failed": "A run has failed", "missed": "Runs were missed", "late": "A run is late"}


def _is_here(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
