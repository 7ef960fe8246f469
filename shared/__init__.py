"""What both services know: stored shapes, column mappings, dialects, the plan and the store. No HTTP."""
