"""The stored shapes, one file a document. No I/O here; every MongoDB query lives in `shared.store`."""
