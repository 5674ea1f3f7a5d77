//! Refuses comparisons of intervals, which DataFusion 55 answers wrongly without a word.
//!
//! An interval is months, days and nanoseconds, and the engine compares them in that order. The difference of
//! two timestamps has all of its length in the last of the three, so `(ts2 - ts1) < INTERVAL '90 days'` is
//! true of eleven months. `ts2 < ts1 + INTERVAL '90 days'` is right.

use crate::{Error, ErrorKind, Result};
use datafusion::arrow::datatypes::DataType;
use datafusion::common::DFSchema;
use datafusion::common::tree_node::{TreeNode as _, TreeNodeRecursion};
use datafusion::logical_expr::expr::{AggregateFunction, BinaryExpr, InList, ScalarFunction, WindowFunction};
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{Between, Case, Expr, ExprSchemable as _, LogicalPlan, Operator};
use datafusion::sql::unparser::expr_to_sql;

/// Looks for the comparisons in a plan. Some show only once types have been made explicit, as in
/// `ts2 - ts1 < '90 days'`; others are met more nicely before.
pub(crate) fn check(plan: &LogicalPlan) -> Result<()> {
    let mut found: Option<String> = None;
    let outcome = plan.apply_with_subqueries(|node| {
        let schema = merge_schema(&node.inputs());
        let whole = is_ordered_by(node);
        node.apply_expressions(|top| {
            if whole && is_interval(top, &schema) {
                found.get_or_insert_with(|| sql(top));
            }
            top.apply(|expr| {
                if compared(expr).into_iter().any(|operand| is_interval(operand, &schema)) {
                    found.get_or_insert_with(|| sql(expr));
                }
                Ok(TreeNodeRecursion::Continue)
            })
        })?;
        Ok(if found.is_some() { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    });
    if let Err(error) = outcome {
        return Err(Error::new(ErrorKind::Plan, "cannot look into the query").because(error));
    }
    match found {
        None => Ok(()),
        Some(expr) => Err(Error::new(
            ErrorKind::WrongAnswer,
            format!("the engine would answer `{expr}` wrongly: it compares months first, then days, then hours"),
        )
        .with_hint(
            "compare points in time: `ts2 < ts1 + INTERVAL '90 days'` instead of `(ts2 - ts1) < INTERVAL '90 days'`",
        )),
    }
}

/// Whether the node itself puts its expressions in order, or looks for equal ones.
fn is_ordered_by(node: &LogicalPlan) -> bool {
    matches!(node, LogicalPlan::Sort(_) | LogicalPlan::Join(_))
}

/// The parts of an expression that it compares.
fn compared(expr: &Expr) -> Vec<&Expr> {
    const BY_ORDER: [&str; 5] = ["min", "max", "greatest", "least", "nullif"];
    match expr {
        Expr::BinaryExpr(BinaryExpr { left, op, right }) if is_comparison(*op) => vec![left, right],
        Expr::Between(Between { expr, low, high, .. }) => vec![expr, low, high],
        Expr::InList(InList { expr, list, .. }) => list.iter().chain([&**expr]).collect(),
        Expr::Case(Case { expr: Some(expr), .. }) => vec![expr],
        Expr::ScalarFunction(ScalarFunction { func, args }) if BY_ORDER.contains(&func.name()) => {
            args.iter().collect()
        }
        Expr::AggregateFunction(AggregateFunction { func, params }) => {
            let args = params.args.iter().filter(|_| BY_ORDER.contains(&func.name()));
            args.chain(params.order_by.iter().map(|sort| &sort.expr)).collect()
        }
        Expr::WindowFunction(window) => {
            let WindowFunction { fun, params } = &**window;
            let args = params.args.iter().filter(|_| BY_ORDER.contains(&fun.name()));
            args.chain(params.order_by.iter().map(|sort| &sort.expr)).collect()
        }
        _ => vec![],
    }
}

/// The expression as somebody would write it.
fn sql(expr: &Expr) -> String {
    expr_to_sql(expr).map_or_else(|_| expr.to_string(), |sql| sql.to_string())
}

fn is_comparison(operator: Operator) -> bool {
    use Operator as Op;
    let by_order = matches!(operator, Op::Lt | Op::LtEq | Op::Gt | Op::GtEq);
    by_order || matches!(operator, Op::Eq | Op::NotEq | Op::IsDistinctFrom | Op::IsNotDistinctFrom)
}

fn is_interval(expr: &Expr, schema: &DFSchema) -> bool {
    matches!(expr.get_type(schema), Ok(DataType::Interval(_)))
}
