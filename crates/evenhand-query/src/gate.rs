//! What may be asked. The text of a query is never searched for words: its statement is looked at once it is
//! parsed, and its plan once every name in it stands for a table.

use crate::tables::Tables;
use crate::{Error, ErrorKind, Result};
use datafusion::catalog::TableProvider;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::datasource::source_as_provider;
use datafusion::logical_expr::{LogicalPlan, TableScan};
use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{self, Visit as _, Visitor};
use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::sync::Arc;

/// What a session may show.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Profile {
    /// Counts and reference tables only: what may leave this machine.
    #[default]
    Publish,
    /// Rows about persons too, for work on one's own machine.
    Local,
}

/// Whether a table holds no rows about persons. Only names on this list are public: a table that nobody has
/// thought of is not.
///
/// ```
/// assert!(evenhand_query::is_public("figures_arrests_week"));
/// assert!(!evenhand_query::is_public("arrests"));
/// ```
#[must_use]
pub fn is_public(table: &str) -> bool {
    const NAMES: [&str; 3] = ["secure_communities", "facilities", "seattle_summary"];
    const PREFIXES: [&str; 6] =
        ["figures_", "agreements_", "crosswalk_", "facts_", "detainer_totals_", "detainer_facility_"];
    NAMES.contains(&table) || PREFIXES.iter().any(|prefix| table.starts_with(prefix))
}

/// Expressions within expressions, at most. Planning takes time with the square of this.
const DEEPEST: usize = 500;
/// Selections in a query, at most, counting each branch of a union; and as many tables.
const MOST: usize = 200;

/// Lets through statements that only ask.
pub(crate) fn check_statement(statement: &Statement) -> Result<()> {
    use ast::Statement as Sql;
    let asked = match statement {
        Statement::Explain(explain) => return check_statement(&explain.statement),
        Statement::Statement(sql) => match &**sql {
            Sql::Query(query) => return check_body(&query.body).and_then(|()| check_size(query)),
            Sql::ShowTables { .. }
            | Sql::ShowColumns { .. }
            | Sql::ShowVariable { .. }
            | Sql::ShowFunctions { .. }
            | Sql::ExplainTable { .. } => return Ok(()),
            Sql::Explain { statement, .. } => {
                return check_statement(&Statement::Statement(statement.clone()));
            }
            other => other.to_string(),
        },
        other => other.to_string(),
    };
    Err(not_a_query(first_word(&asked)))
}

/// A query's body may be a change that gives rows back, `WITH … INSERT …`.
fn check_body(body: &ast::SetExpr) -> Result<()> {
    use ast::SetExpr;
    match body {
        SetExpr::Insert(_) | SetExpr::Update(_) | SetExpr::Delete(_) | SetExpr::Merge(_) => {
            Err(not_a_query(first_word(&body.to_string())))
        }
        _ => Ok(()),
    }
}

/// Refuses a query that would take too long to plan, which the time limit does not end.
fn check_size(query: &ast::Query) -> Result<()> {
    let refuse = |message: String, hint: &str| Err(Error::new(ErrorKind::Plan, message).with_hint(hint));
    match query.visit(&mut Size::default()) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(TooMuch::Depth) => refuse(
            format!("expected expressions at most {DEEPEST} deep, found deeper ones"),
            "write `x IN (1, 2, …)` instead of `x = 1 OR x = 2 …`",
        ),
        ControlFlow::Break(TooMuch::Selections) => refuse(
            format!("expected at most {MOST} selections and tables, found more"),
            "ask several queries",
        ),
    }
}

/// How deep in expressions a walk is, and what it has met.
#[derive(Default)]
struct Size {
    depth: usize,
    selections: usize,
    tables: usize,
}

enum TooMuch {
    Depth,
    Selections,
}

impl Visitor for Size {
    type Break = TooMuch;

    fn pre_visit_expr(&mut self, _expr: &ast::Expr) -> ControlFlow<TooMuch> {
        self.depth += 1;
        if self.depth > DEEPEST { ControlFlow::Break(TooMuch::Depth) } else { ControlFlow::Continue(()) }
    }

    fn post_visit_expr(&mut self, _expr: &ast::Expr) -> ControlFlow<TooMuch> {
        self.depth -= 1;
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, _select: &ast::Select) -> ControlFlow<TooMuch> {
        self.selections += 1;
        if self.selections > MOST {
            ControlFlow::Break(TooMuch::Selections)
        } else {
            ControlFlow::Continue(())
        }
    }

    fn pre_visit_table_factor(&mut self, _table: &ast::TableFactor) -> ControlFlow<TooMuch> {
        self.tables += 1;
        if self.tables > MOST { ControlFlow::Break(TooMuch::Selections) } else { ControlFlow::Continue(()) }
    }
}

fn first_word(text: &str) -> &str {
    text.split_whitespace().next().unwrap_or_default()
}

/// Lets through plans that only ask, and within the publish profile only of public tables. Gives the record's
/// tables that the plan reads.
pub(crate) fn check_plan<'a>(
    plan: &LogicalPlan,
    tables: &'a Tables,
    profile: Profile,
) -> Result<BTreeSet<&'a str>> {
    let mut read = BTreeSet::new();
    let mut refusal = None;
    let outcome = plan.apply_with_subqueries(|node| {
        match check_node(node, tables, profile) {
            Ok(table) => read.extend(table),
            Err(error) => {
                refusal = Some(error);
                return Ok(TreeNodeRecursion::Stop);
            }
        }
        Ok(TreeNodeRecursion::Continue)
    });
    match (refusal, outcome) {
        (Some(refusal), _) => Err(refusal),
        (None, Ok(_)) => Ok(read),
        (None, Err(error)) => Err(Error::new(ErrorKind::Plan, "cannot look into the query").because(error)),
    }
}

fn check_node<'a>(node: &LogicalPlan, tables: &'a Tables, profile: Profile) -> Result<Option<&'a str>> {
    match node {
        LogicalPlan::TableScan(scan) => {
            let table = table_of(scan, tables);
            match table {
                Some(table) if profile == Profile::Publish && !is_public(table) => {
                    Err(refused(table, tables))
                }
                _ => Ok(table),
            }
        }
        LogicalPlan::Projection(_)
        | LogicalPlan::Filter(_)
        | LogicalPlan::Window(_)
        | LogicalPlan::Aggregate(_)
        | LogicalPlan::Sort(_)
        | LogicalPlan::Join(_)
        | LogicalPlan::Repartition(_)
        | LogicalPlan::Union(_)
        | LogicalPlan::EmptyRelation(_)
        | LogicalPlan::Subquery(_)
        | LogicalPlan::SubqueryAlias(_)
        | LogicalPlan::Limit(_)
        | LogicalPlan::Values(_)
        | LogicalPlan::Explain(_)
        | LogicalPlan::Analyze(_)
        | LogicalPlan::Distinct(_)
        | LogicalPlan::DescribeTable(_)
        | LogicalPlan::Unnest(_)
        | LogicalPlan::RecursiveQuery(_) => Ok(None),
        other => Err(not_a_query(other.display().to_string().split([':', ' ']).next().unwrap_or_default())),
    }
}

/// The record's table that a scan reads: told by what is scanned, and for good measure by name.
fn table_of<'a>(scan: &TableScan, tables: &'a Tables) -> Option<&'a str> {
    let scanned = source_as_provider(&scan.source).ok();
    let same = |known: &Arc<dyn TableProvider>| {
        scanned.as_ref().is_some_and(|scanned| std::ptr::addr_eq(Arc::as_ptr(scanned), Arc::as_ptr(known)))
    };
    let name = scan.table_name.table();
    let outside = scan.table_name.schema() == Some("information_schema");
    tables
        .iter()
        .find(|(_, known)| same(known))
        .or_else(|| tables.get_key_value(name).filter(|_| !outside))
        .map(|(known, _)| known.as_str())
}

fn refused(table: &str, tables: &Tables) -> Error {
    let message = format!(
        "table `{table}` holds rows about persons; the publish profile answers from counts and reference tables"
    );
    let stem = table.split('_').next().unwrap_or(table);
    let figures: Vec<&str> = tables
        .keys()
        .filter(|name| name.starts_with("figures_") && name.contains(stem))
        .map(String::as_str)
        .collect();
    let instead = match figures.as_slice() {
        [] => String::new(),
        names => format!("ask `{}`; or ", names.join("`, `")),
    };
    Error::new(ErrorKind::Refused, message)
        .with_hint(format!("{instead}add `--local` to work with the rows on your own machine"))
}

fn not_a_query(word: &str) -> Error {
    Error::new(ErrorKind::NotAQuery, format!("expected a query, found `{word}`")).with_hint(
        "a record is read-only: SELECT, WITH, VALUES, EXPLAIN, SHOW TABLES, SHOW COLUMNS and DESCRIBE work",
    )
}
