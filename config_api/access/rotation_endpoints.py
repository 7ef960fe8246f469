"""Routes of the rotation of encryption keys."""

from config_api.access.payloads import RotationRead
from config_api.dependencies import Rotation
from config_api.problems import problem_responses
from config_api.routers import DomainRouter
from shared.store.stored_secrets import RotationState

router = DomainRouter(prefix="/secrets/rotation", tags=["access"])


@router.get("", operation_id="get_key_rotation", responses=problem_responses(503))
async def get_key_rotation(rotation: Rotation) -> RotationRead:
    """Say how many stored secrets are under the first encryption key."""
    return _read(await rotation.read_state())


@router.post("", status_code=202, operation_id="begin_key_rotation", responses=problem_responses(503))
async def begin_key_rotation(rotation: Rotation) -> RotationRead:
    """Put every stored secret under the first encryption key; goes on where it was ended."""
    return _read(await rotation.begin())


def _read(state: RotationState) -> RotationRead:
    return RotationRead(**state.model_dump())
