"""Pictures: judged, mended, kept in the archive, and proved to be all there."""
