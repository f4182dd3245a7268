"""What the study of recourse states (Tominaga et al. 2024), and why simulated people differ where they do."""

PAPER = "Tominaga, Yamashita and Kurashima 2024, table S2"

STATED: dict[tuple[str, str], dict[str, float]] = {
    ("accept", "sparsity"): {
        "intercept": 3.28, "intercept_se": 0.07, "edf": 1.01, "f": 0.00, "p": 1.000, "edf_intercepts": 235.35,
        "f_intercepts": 9.21, "p_intercepts": 0.001, "edf_slopes": 142.98, "f_slopes": 5.21, "p_slopes": 0.001,
        "aic": 5597.44,
    },
    ("accept", "proximity"): {
        "intercept": 3.29, "intercept_se": 0.07, "edf": 1.00, "f": 0.89, "p": 0.347, "edf_intercepts": 258.69,
        "f_intercepts": 9.40, "p_intercepts": 0.001, "edf_slopes": 133.20, "f_slopes": 4.00, "p_slopes": 0.001,
        "aic": 5590.47,
    },
    ("act", "sparsity"): {
        "intercept": 2.63, "intercept_se": 0.07, "edf": 4.25, "f": 18.46, "p": 0.001, "edf_intercepts": 269.32,
        "f_intercepts": 10.37, "p_intercepts": 0.001, "edf_slopes": 99.44, "f_slopes": 2.89, "p_slopes": 0.001,
        "aic": 5261.35,
    },
    ("act", "proximity"): {
        "intercept": 2.63, "intercept_se": 0.07, "edf": 4.32, "f": 20.81, "p": 0.001, "edf_intercepts": 288.58,
        "f_intercepts": 8.49, "p_intercepts": 0.001, "edf_slopes": 69.98, "f_slopes": 1.13, "p_slopes": 0.009,
        "aic": 5280.33,
    },
}  # fmt: skip
"""By response and distance; a p-value of 0.001 stands for the paper's "< 0.001"."""

BELOW = 0.001
"""p-values that the paper states as less than this."""

WHY = {
    "intercept": "the mean level of simulated people is set, and answers clipped at 1 raise it",
    "intercept_se": "it follows the scatter of people's levels, which is set",
    "edf": "the paper's curve is what its people made it; ours falls in a line to a threshold and is flat beyond",
    "f": "it follows the depth of the fall, which is set",
    "p": "the fall of simulated people, or that there is none, is set",
    "edf_intercepts": "it follows the scatter of people's levels against that of their answers, which is set",
    "f_intercepts": "it follows the scatter of people's levels against that of their answers, which is set",
    "p_intercepts": "it follows the scatter of people's levels, which is set",
    "edf_slopes": "it follows the scatter of slopes, set the same for both responses; in the paper one scatters more",
    "f_slopes": "it follows the scatter of slopes, set the same for both responses; in the paper one scatters more",
    "p_slopes": "it follows the scatter of people's slopes, set the same for both responses",
    "aic": "it follows the scatter of the answers, which is set, and their rounding",
}
"""Where the stated number is outside of what single simulated studies give."""

NOT_HAD = (
    "The answers of the study were never published (appendix D): people are simulated, and the analysis is what is "
    "repeated. Numbers near the paper's say that the analysis finds what is there, not that people are so.",
    "The comments of people (section 5.1.2) cannot be had without people.",
)
