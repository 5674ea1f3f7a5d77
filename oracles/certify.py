"""The certified values of NIST's linear regressions, worked out again in exact rational arithmetic.

    python3 oracles/certify.py

Needs Python alone. Compares coefficients, standard errors and the residual standard deviation with
nist-strd/certified.json to 15 digits, and says how many agree; exits 1 when one does not.
"""
import csv
import json
import pathlib
import sys
from decimal import Decimal, getcontext
from fractions import Fraction

FOLDER = pathlib.Path(__file__).parent / "nist-strd"
getcontext().prec = 60


def design(rows, certified):
    xs = [row[1:] for row in rows]
    degree = certified["parameters"] - (1 if certified["intercept"] else 0)
    if len(xs[0]) == 1:
        xs = [[x[0] ** power for power in range(1, degree + 1)] for x in xs]
    return [([Fraction(1)] if certified["intercept"] else []) + x for x in xs]


def inverse(matrix):
    n = len(matrix)
    rows = [list(row) + [Fraction(int(i == j)) for j in range(n)] for i, row in enumerate(matrix)]
    for at in range(n):
        pivot = next(i for i in range(at, n) if rows[i][at] != 0)
        rows[at], rows[pivot] = rows[pivot], rows[at]
        rows[at] = [value / rows[at][at] for value in rows[at]]
        for i in range(n):
            if i != at and rows[i][at] != 0:
                rows[i] = [a - rows[i][at] * b for a, b in zip(rows[i], rows[at])]
    return [row[n:] for row in rows]


def root(value):
    return (Decimal(value.numerator) / Decimal(value.denominator)).sqrt()


def agrees(found, stated):
    stated = Decimal(stated)
    if isinstance(found, Fraction):
        found = Decimal(found.numerator) / Decimal(found.denominator)
    return abs(found - stated) <= abs(stated) * Decimal("5.01e-15")


def check(name, certified):
    with open(FOLDER / "data" / f"{name}.csv") as file:
        rows = [[Fraction(cell) for cell in row] for row in list(csv.reader(file))[1:]]
    x, y = design(rows, certified), [row[0] for row in rows]
    p = certified["parameters"]
    gram = inverse([[sum(r[i] * r[j] for r in x) for j in range(p)] for i in range(p)])
    moments = [sum(r[i] * v for r, v in zip(x, y)) for i in range(p)]
    beta = [sum(gram[i][j] * moments[j] for j in range(p)) for i in range(p)]
    residual = sum((v - sum(b * c for b, c in zip(beta, r))) ** 2 for r, v in zip(x, y))
    variance = residual / (len(y) - p)
    pairs = list(zip(beta, certified["beta"]))
    pairs += [(root(variance * gram[i][i]), certified["se"][i]) for i in range(p)]
    pairs.append((root(variance), certified["residual_sd"]))
    return sum(agrees(*pair) for pair in pairs), len(pairs)


if __name__ == "__main__":
    all_agree = True
    for name, certified in json.loads((FOLDER / "certified.json").read_text()).items():
        good, total = check(name, certified)
        all_agree &= good == total
        print(f"{name}: {good} of {total}")
    sys.exit(not all_agree)
