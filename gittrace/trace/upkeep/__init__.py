"""Installing and removing, checking, forgetting, masking afterwards, and what may leave."""
