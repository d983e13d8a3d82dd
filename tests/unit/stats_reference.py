#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""stats_reference - makes tests/unit/stats_reference.h: what numpy and scipy say of some samples.

    pip install numpy scipy && tests/unit/stats_reference.py >tests/unit/stats_reference.h

Run by hand when a sample is added; the tests need neither library.
"""
import numpy
import scipy
import scipy.stats


def samples():
    rng = numpy.random.default_rng(20261127)
    skewed = rng.lognormal(3, 0.3, 300).round(4)
    yield "one", [7.25]
    yield "two", [3.0, 1.0]
    yield "five", [5.0, 1.0, 4.0, 2.0, 3.0]
    yield "twenty", skewed[:20]
    yield "forty", skewed[:40]
    yield "skewed", skewed
    yield "equal", [2.5] * 30
    yield "whole", rng.integers(10, 20, 100).astype(float)
    yield "far_out", list(rng.normal(100, 1, 48).round(4)) + [1.0, 500.0]


def pairs():
    rng = numpy.random.default_rng(20261128)
    base = rng.lognormal(3, 0.2, 200).round(4)
    yield "small", base[:6], base[6:13] * 1.1
    yield "exact", base[:20], base[20:40]
    yield "exact_shifted", base[:20], base[20:40] + 10
    yield "apart", [1.0, 2.0, 3.0, 4.0, 5.0], [6.0, 7.0, 8.0, 9.0, 10.0]
    yield "large", base[:100], base[100:200]
    yield "large_shifted", base[:100], base[100:200] * 1.1
    yield "ties", rng.integers(10, 15, 60).astype(float), rng.integers(11, 16, 50).astype(float)
    yield "equal", [3.0] * 10, [3.0] * 12


def quartile_outliers(values):
    first, third = numpy.percentile(values, [25, 75])
    reach = 1.5 * (third - first)
    return int(((values < first - reach) | (values > third + reach)).sum())


def p_value(first, second):
    exact = len(first) <= 20 and len(second) <= 20 and len(set(first) | set(second)) == len(
        first) + len(second)
    if len(set(first) | set(second)) == 1:
        return 1.0
    return scipy.stats.mannwhitneyu(first, second, method="exact" if exact else "asymptotic").pvalue


def array(name, values):
    print("static const double %s[] = {" % name)
    for at in range(0, len(values), 8):
        print("\t" + " ".join("%.17g," % value for value in values[at:at + 8]))
    print("};")


def main():
    print("/* SPDX-License-Identifier: Apache-2.0 */")
    print("/* Made by stats_reference.py with numpy %s and scipy %s; do not edit. */" % (
        numpy.__version__, scipy.__version__))
    print("/* clang-format off */")
    rows = []
    for name, values in samples():
        values = numpy.array(values)
        array("sample_" + name, values)
        rows.append('\t{ "%s", sample_%s, %d, %s, %d },' % (
            name, name, len(values),
            ", ".join("%.17g" % figure for figure in [
                values.min(), values.max(), values.mean(), numpy.median(values),
                *numpy.percentile(values, [10, 25, 75, 90, 95, 99])]),
            quartile_outliers(values)))
    print("static const struct {\n\tconst char *name;\n\tconst double *values;\n\tsize_t count;\n"
          "\tdouble min, max, mean, median, p10, p25, p75, p90, p95, p99;\n\tsize_t outliers;\n"
          "} reference_samples[] = {")
    print("\n".join(rows) + "\n};")
    rows = []
    for name, first, second in pairs():
        array("first_" + name, first)
        array("second_" + name, second)
        rows.append('\t{ "%s", first_%s, %d, second_%s, %d, %.17g, %.17g },' % (
            name, name, len(first), name, len(second),
            numpy.median(second) / numpy.median(first), p_value(first, second)))
    print("static const struct {\n\tconst char *name;\n\tconst double *first;\n"
          "\tsize_t first_count;\n\tconst double *second;\n\tsize_t second_count;\n"
          "\tdouble ratio, p_value;\n} reference_pairs[] = {")
    print("\n".join(rows) + "\n};")


main()
