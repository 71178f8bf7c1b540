//! The expression `when`.

use std::fmt;
use std::sync::{Arc, LazyLock};

use minijinja::{Environment, Expression};

use crate::expression::{self, Name};
use crate::recipient::Recipient;
use crate::setting::{Setting, SettingError};

/// All expressions share it: it holds no state.
static ENVIRONMENT: LazyLock<Environment<'static>> = LazyLock::new(expression::environment);

/// A compiled `when`.
#[derive(Clone)]
pub(super) struct When {
    source: String,
    names: Vec<Name>,
    expression: Arc<Expression<'static, 'static>>,
}

impl fmt::Debug for When {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_tuple("When").field(&self.source).finish()
    }
}

impl When {
    pub(super) fn compile(source: &str) -> Result<Self, SettingError> {
        let setting = Setting::When;
        let broken = |error: &minijinja::Error| SettingError::Broken { setting, reason: expression::words(error) };
        expression::within_length(source).map_err(|reason| SettingError::Broken { setting, reason })?;
        let expression = ENVIRONMENT.compile_expression_owned(source.to_owned()).map_err(|error| broken(&error))?;
        let names =
            expression::names(expression.undeclared_variables(false)).map_err(|names| SettingError::UnknownNames { setting, names })?;
        for context in expression::trials(&names) {
            match expression.eval(context) {
                Ok(value) if bool::try_from(value.clone()).is_err() => {
                    return Err(SettingError::NotBoolean { setting, gives: value.kind().to_string() });
                }
                Err(error) if expression::is_of_the_source(&error) => return Err(broken(&error)),
                Ok(_) | Err(_) => {}
            }
        }
        Ok(Self { source: source.to_owned(), names, expression: Arc::new(expression) })
    }

    /// Whether it is true for a recipient, or what went wrong.
    pub(super) fn holds(&self, recipient: &Recipient, address: &str) -> Result<bool, String> {
        let value =
            self.expression.eval(expression::context(&self.names, recipient, address)).map_err(|error| expression::words(&error))?;
        bool::try_from(value.clone()).map_err(|_| format!("gives {}, not true or false", value.kind()))
    }
}
