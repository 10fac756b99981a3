# SPDX-License-Identifier: Apache-2.0
"""Figures and comparisons: what was measured, how often, how it scatters."""

import statistics


def spread(values):
    """The values as a report shows them: all of them stay behind it."""
    return {"n": len(values), "min": min(values),
            "median": statistics.median(values), "max": max(values)}


class Budget:
    """A bound for the median of a comparison, or of a figure that means
    something on any machine."""

    def __init__(self, at_most=None, at_least=None):
        self.at_most = at_most
        self.at_least = at_least

    def __str__(self):
        if self.at_most is not None:
            return f"at most {self.at_most:g}"
        return f"at least {self.at_least:g}"

    def holds(self, value):
        if self.at_most is not None:
            return value <= self.at_most
        return value >= self.at_least


class Table:
    """One table: figures in units, then comparisons of two figures round by
    round, so that what slows both in a round counts for neither."""

    def __init__(self, name, title):
        self.name = name
        self.title = title
        self.figures = {}
        self.comparisons = {}

    def add(self, name, unit, samples, **budget):
        self.figures[name] = {
            "unit": unit, "samples": list(samples),
            "budget": Budget(**budget) if budget else None}

    def add_all(self, unit, samples):
        for name, values in samples.items():
            self.add(name, unit, values)

    def ratio(self, name, peer, **budget):
        """`name` divided by `peer`."""
        self.compare(f"{name} / {peer}", name, peer, "x",
                     lambda mine, theirs: mine / theirs, budget)

    def rate(self, name, peer, **budget):
        """What `name` does in the time in which `peer` does one."""
        self.compare(f"rate of {name} / {peer}", name, peer, "x",
                     lambda mine, theirs: theirs / mine, budget)

    def difference(self, name, peer, **budget):
        """`name` minus `peer`."""
        self.compare(f"{name} - {peer}", name, peer,
                     self.figures[name]["unit"],
                     lambda mine, theirs: mine - theirs, budget)

    def compare(self, label, name, peer, unit, how, budget):
        pairs = zip(self.figures[name]["samples"],
                    self.figures[peer]["samples"], strict=True)
        self.comparisons[label] = {
            "unit": unit, "samples": [how(*pair) for pair in pairs],
            "budget": Budget(**budget) if budget else None}

    def over_budget(self):
        return [label for label, row in self.rows()
                if verdict(row) == "over"]

    def rows(self):
        return [*self.figures.items(), *self.comparisons.items()]

    def text(self):
        rows = self.rows()
        width = max(len(name) for name, row in rows)
        lines = [f"{self.name}: {self.title}",
                 f"  {'':{width}}    n       min    median       max"]
        lines += [line(name, width, row) for name, row in rows]
        return "\n".join(lines) + "\n"

    def json(self):
        """{the table's name and the row's: what is known of it}."""
        return {f"{self.name}.{name}": as_json(row)
                for name, row in self.rows()}


def verdict(row):
    budget = row["budget"]
    if budget is None:
        return None
    median = statistics.median(row["samples"])
    return "within" if budget.holds(median) else "over"


def number(value):
    """Four significant digits."""
    digits = 3
    while digits > 0 and abs(value) >= 10 ** (4 - digits):
        digits -= 1
    return f"{value:9.{digits}f}"


def line(name, width, row):
    s = spread(row["samples"])
    text = (f"  {name:{width}} {s['n']:4} {number(s['min'])} "
            f"{number(s['median'])} {number(s['max'])}  {row['unit']:4}")
    judged = verdict(row)
    if judged is not None:
        mark = judged if judged == "within" else judged.upper()
        text += f"  {mark}: {row['budget']}"
    return text.rstrip()


def as_json(row):
    known = {"unit": row["unit"], **spread(row["samples"]),
             "samples": row["samples"]}
    judged = verdict(row)
    if judged is not None:
        budget = row["budget"]
        known["budget"] = ({"at_most": budget.at_most}
                           if budget.at_most is not None
                           else {"at_least": budget.at_least})
        known["verdict"] = judged
    return known
