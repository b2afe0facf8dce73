//! Both databases have the same tables, columns, nullability and indexes.
