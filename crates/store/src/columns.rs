//! Reading the columns of a row in their order.

use std::str::FromStr;

use chat::{Attendance, CenterId, Message, NodeName, Parties, ServiceRequestId, UserId};
use chrono::{DateTime, Utc};
use spin_sdk::pg::DbValue;

use crate::StoreError;

/// The columns of a row, read from the left. Values move out: no text is copied.
pub(crate) struct Columns(std::vec::IntoIter<DbValue>);

impl Columns {
    pub(crate) fn new(row: Vec<DbValue>) -> Self {
        Self(row.into_iter())
    }

    fn next(&mut self) -> Result<DbValue, StoreError> {
        self.0.next().ok_or_else(|| StoreError::shape("column"))
    }

    pub(crate) fn boolean(&mut self) -> Result<bool, StoreError> {
        match self.next()? {
            DbValue::Boolean(value) => Ok(value),
            _ => Err(StoreError::shape("boolean")),
        }
    }

    pub(crate) fn int8(&mut self) -> Result<i64, StoreError> {
        match self.next()? {
            DbValue::Int64(value) => Ok(value),
            _ => Err(StoreError::shape("int8")),
        }
    }

    pub(crate) fn maybe_int8(&mut self) -> Result<Option<i64>, StoreError> {
        match self.next()? {
            DbValue::Int64(value) => Ok(Some(value)),
            DbValue::DbNull => Ok(None),
            _ => Err(StoreError::shape("int8")),
        }
    }

    pub(crate) fn attendance(&mut self) -> Result<Attendance, StoreError> {
        attendance(self.int8()?)
    }

    pub(crate) fn text(&mut self) -> Result<String, StoreError> {
        self.maybe_text()?.ok_or_else(|| StoreError::shape("text"))
    }

    pub(crate) fn maybe_text(&mut self) -> Result<Option<String>, StoreError> {
        match self.next()? {
            DbValue::Str(text) => Ok(Some(text)),
            DbValue::DbNull => Ok(None),
            _ => Err(StoreError::shape("text")),
        }
    }

    pub(crate) fn maybe_time(&mut self) -> Result<Option<DateTime<Utc>>, StoreError> {
        match self.next()? {
            DbValue::Int64(micros) => time(micros).map(Some),
            DbValue::DbNull => Ok(None),
            _ => Err(StoreError::shape("time")),
        }
    }

    pub(crate) fn parsed<T: FromStr>(&mut self) -> Result<T, StoreError> {
        parsed(&self.text()?)
    }

    pub(crate) fn maybe_parsed<T: FromStr>(&mut self) -> Result<Option<T>, StoreError> {
        self.maybe_text()?.map(|text| parsed(&text)).transpose()
    }

    pub(crate) fn parties(&mut self) -> Result<Parties, StoreError> {
        Ok(Parties {
            customer_id: self.parsed()?,
            technician_id: self.maybe_parsed()?,
            service_center_id: self.parsed()?,
        })
    }

    pub(crate) fn nodes(&mut self) -> Result<Vec<NodeName>, StoreError> {
        nodes(&self.text()?)
    }

    pub(crate) fn maybe_nodes(&mut self) -> Result<Vec<NodeName>, StoreError> {
        nodes(&self.maybe_text()?.unwrap_or_default())
    }

    pub(crate) fn int4s(&mut self) -> Result<Array<i32>, StoreError> {
        match self.next()? {
            DbValue::ArrayInt32(values) => Ok(Array(values.into_iter())),
            DbValue::DbNull => Ok(Array::default()),
            _ => Err(StoreError::shape("int4[]")),
        }
    }

    pub(crate) fn int8s(&mut self) -> Result<Array<i64>, StoreError> {
        match self.next()? {
            DbValue::ArrayInt64(values) => Ok(Array(values.into_iter())),
            DbValue::DbNull => Ok(Array::default()),
            _ => Err(StoreError::shape("int8[]")),
        }
    }

    pub(crate) fn texts(&mut self) -> Result<Array<String>, StoreError> {
        match self.next()? {
            DbValue::ArrayStr(values) => Ok(Array(values.into_iter())),
            DbValue::DbNull => Ok(Array::default()),
            _ => Err(StoreError::shape("text[]")),
        }
    }

    /// The messages of one conversation: the columns id, seq, sender, role, client message id, body and time as arrays.
    pub(crate) fn messages(&mut self, service_request_id: &ServiceRequestId) -> Result<Vec<Message>, StoreError> {
        let mut ids = self.texts()?;
        let mut seqs = self.int8s()?;
        let mut senders = self.texts()?;
        let mut roles = self.texts()?;
        let mut client_ids = self.texts()?;
        let mut bodies = self.texts()?;
        let mut times = self.int8s()?;
        let mut messages = Vec::with_capacity(ids.0.len());
        while let Some(id) = ids.maybe() {
            messages.push(Message {
                id: parsed(&id.ok_or_else(|| StoreError::shape("id"))?)?,
                service_request_id: service_request_id.clone(),
                seq: seqs.value()?,
                sender_id: senders.parsed()?,
                sender_role: roles.parsed()?,
                client_message_id: client_ids.parsed()?,
                // A body that was erased is null; its place in the order stays.
                body: bodies.maybe().flatten().unwrap_or_default(),
                sent_at: time(times.value()?)?,
            });
        }
        Ok(messages)
    }
}

/// An array column, read from the left. Nulls in it are for the reader to judge.
pub(crate) struct Array<T>(std::vec::IntoIter<Option<T>>);

impl<T> Default for Array<T> {
    fn default() -> Self {
        Self(Vec::new().into_iter())
    }
}

impl<T> Array<T> {
    /// The next element; `Some(None)` for a null, `None` at the end.
    pub(crate) fn maybe(&mut self) -> Option<Option<T>> {
        self.0.next()
    }

    /// The next element, which is there and not null.
    pub(crate) fn value(&mut self) -> Result<T, StoreError> {
        self.maybe().flatten().ok_or_else(|| StoreError::shape("element"))
    }
}

impl Array<String> {
    pub(crate) fn parsed<T: FromStr>(&mut self) -> Result<T, StoreError> {
        parsed(&self.value()?)
    }

    /// Names of nodes; none for a null.
    pub(crate) fn maybe_nodes(&mut self) -> Result<Vec<NodeName>, StoreError> {
        nodes(&self.maybe().flatten().unwrap_or_default())
    }
}

impl Array<i32> {
    pub(crate) fn attendance(&mut self) -> Result<Attendance, StoreError> {
        attendance(self.value()?.into())
    }
}

impl Array<i64> {
    pub(crate) fn maybe_time(&mut self) -> Result<Option<DateTime<Utc>>, StoreError> {
        self.maybe().flatten().map(time).transpose()
    }
}

/// The parties of several conversations: the columns customer, technician and service centre as arrays.
pub(crate) struct PartiesColumns {
    customers: Array<String>,
    technicians: Array<String>,
    centers: Array<String>,
}

impl PartiesColumns {
    pub(crate) fn read(columns: &mut Columns) -> Result<Self, StoreError> {
        Ok(Self { customers: columns.texts()?, technicians: columns.texts()?, centers: columns.texts()? })
    }

    /// The next parties; `None` for a conversation that has vanished, whose columns are null.
    pub(crate) fn maybe(&mut self) -> Result<Option<Parties>, StoreError> {
        let (customer, technician, center) =
            (self.customers.maybe().flatten(), self.technicians.maybe().flatten(), self.centers.maybe().flatten());
        let (Some(customer), Some(center)) = (customer, center) else { return Ok(None) };
        Ok(Some(Parties {
            customer_id: parsed::<UserId>(&customer)?,
            technician_id: technician.map(|text| parsed(&text)).transpose()?,
            service_center_id: parsed::<CenterId>(&center)?,
        }))
    }
}

/// Reads what the database keeps as text.
pub(crate) fn parsed<T: FromStr>(text: &str) -> Result<T, StoreError> {
    text.parse().map_err(|_| StoreError::shape(std::any::type_name::<T>()))
}

/// Reads a time in microseconds since 1970.
pub(crate) fn time(micros: i64) -> Result<DateTime<Utc>, StoreError> {
    DateTime::from_timestamp_micros(micros).ok_or_else(|| StoreError::shape("time"))
}

/// Reads a set of parties.
fn attendance(bits: i64) -> Result<Attendance, StoreError> {
    u8::try_from(bits).map(Attendance::from).map_err(|_| StoreError::shape("attendance"))
}

/// Reads names of nodes with commas between them, which no name has.
fn nodes(text: &str) -> Result<Vec<NodeName>, StoreError> {
    text.split(',').filter(|name| !name.is_empty()).map(parsed).collect()
}

#[cfg(test)]
mod tests {
    use chat::{Role, Status};

    use super::*;

    #[test]
    fn columns_are_read_from_the_left() {
        let mut columns = Columns::new(vec![
            DbValue::Str("open".into()),
            DbValue::DbNull,
            DbValue::Int64(1),
            DbValue::Boolean(true),
            DbValue::Str("a,b".into()),
            DbValue::ArrayInt64(vec![Some(1), None]),
        ]);
        assert_eq!(columns.parsed::<Status>().unwrap(), Status::Open);
        assert!(columns.maybe_text().unwrap().is_none());
        assert_eq!(columns.maybe_time().unwrap().unwrap().timestamp_micros(), 1);
        assert!(columns.boolean().unwrap());
        assert_eq!(columns.nodes().unwrap().len(), 2);
        let mut array = columns.int8s().unwrap();
        assert_eq!((array.maybe(), array.maybe(), array.maybe()), (Some(Some(1)), Some(None), None));
        assert!(matches!(columns.text(), Err(StoreError::Unexpected(_))));
    }

    #[test]
    fn another_shape_is_an_error() {
        assert!(Columns::new(vec![DbValue::Int32(1)]).int8().is_err());
        assert!(Columns::new(vec![DbValue::Str("else".into())]).parsed::<Role>().is_err());
        assert!(nodes("a b").is_err());
        assert!(nodes("").unwrap().is_empty());
    }
}
