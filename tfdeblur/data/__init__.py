"""From shards to batches: the record schema, patches, augmentation and the one fixed order of the input pipeline."""
