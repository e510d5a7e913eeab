//! Every SQL statement of Hubline.
