"""The pushed-down gear: a mapping as one SELECT around the source query.

Every cell is given as the text of the target's value, and every row that is not certainly right is marked: the
line mapper, which is the truth, decides about it. So a condition here may doubt too much, which is slow, and
never too little, which would change a value.
"""

from shared.pushdown.compile import PushedDown, push_down
from shared.pushdown.speech import CannotSay, Speech

__all__ = ["CannotSay", "PushedDown", "Speech", "push_down"]
