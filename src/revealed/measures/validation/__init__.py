"""Every estimator against respondents whose truth is declared: recovery, coverage, false alarms."""
