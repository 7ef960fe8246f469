class DemoFailed(Exception):
    """The demo did not come out as it must; the message says what differs."""
