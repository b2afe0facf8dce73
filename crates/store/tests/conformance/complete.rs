//! Every function of a table is named in its conformance file.
