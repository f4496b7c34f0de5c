"""A backtest as a page: one self-contained HTML file for a screen, a phone or paper, in English or Chinese."""

from fastbrand.service.backtest_report.render import render, write
from fastbrand.service.backtest_report.view import view_of

__all__ = ["render", "view_of", "write"]
