"""Out-of-range options of training: refused before any work, in a line with the option's name as it was typed."""

import dataclasses
import math
import typing

import pytest

from tfdeblur import train
from tfdeblur.config import Experiment
from tfdeblur.experiments import EXPERIMENTS
from tfdeblur.physics.degradation import LIMITS
from tfdeblur.ranges import Range, limits_of

REFUSED = """
--learning-rate -1 | --learning-rate 0 | --learning-rate nan | --learning-rate inf | --learning_rate -1e-3
--batch 0 | --batch -3 | --steps 0 | --steps -5 | --epochs 0 | --epochs nan | --epochs inf | --epochs 1e300
--ema 2 | --ema 1 | --ema 0 | --ema -0.1 | --ema nan | --beta-1 1 | --beta-1 -0.5 | --beta-2 1
--patch 0x0 | --patch 16x0 | --patch 16 | --patch 16x | --patch -16x16 | --patch axb | --patch 16x16x3 | --patch 1.5x2
--sigma 3 1 | --sigma -1 2 | --sigma nan 1 | --sigma 0 inf | --noise -0.1 0.1 | --noise 0.2 0.1 | --noise 0 nan
--photons 0 1 | --gain -1 2 | --highlights 0.5 2 | --jpeg 0 50 | --jpeg 90 110 | --jpeg 50 40
--warmup-steps -1 | --warmup-steps 500 --steps 100 | --validate-every 0 | --validation-pictures 0
--checkpoint-every 0 | --n-critic 0 | --penalty-weight -1 | --penalty-weight nan
--adversarial-weight nan | --adversarial-weight -1 | --wrong-labels 1.5 | --wrong-labels -0.1 | --content-steps -1
--critic-features 0 | --features 0 | --depth -1 | --classes 3 | --shuffle -1 | --seed -1 | --seed 4294967296
--steps-per-execution 0 | --clip-norm 0 | --clip-norm -1 | --decay-epochs 0 | --decay-start 0
--decay-factor 0 | --decay-factor 1.5 | --decay-every 0
"""


@pytest.mark.parametrize("options", [each.strip() for line in REFUSED.split("\n") for each in line.split("|") if each])
def test_an_option_out_of_its_range_is_named(options, tmp_path):
    name = options.split()[0].replace("_", "-")
    with pytest.raises(ValueError, match=f"^{name} is ") as found:
        train.main(["sample", *options.split(), "--data", "nowhere", "--workdir", str(tmp_path / "run")])
    assert "\n" not in str(found.value) and not (tmp_path / "run").exists()


@pytest.mark.parametrize("options", [["--channels", "2"], ["--optimizer", "sgd"], ["--batch", "1.5"]])
def test_a_choice_that_there_is_not_is_named(options, capsys):
    with pytest.raises(SystemExit):
        train.main(["sample", *options])
    assert options[0] in capsys.readouterr().err


def test_every_number_of_an_experiment_has_a_range():
    types = typing.get_type_hints(Experiment)
    numbers = {
        field.name
        for field in dataclasses.fields(Experiment)
        if {int, float} & {types[field.name], *typing.get_args(types[field.name])}
    }
    assert {"batch", "ema", "sigma", "seed"} <= numbers
    assert numbers == {name for name, limits in limits_of(Experiment).items() if isinstance(limits, Range)} | (
        numbers & {*LIMITS, "deviation"}
    )


@pytest.mark.parametrize("field", [name for name, limits in limits_of(Experiment).items() if isinstance(limits, Range)])
@pytest.mark.parametrize("value", [math.nan, -math.inf, -1, "many"])
def test_no_number_of_an_experiment_takes_what_is_none(field, value):
    with pytest.raises(ValueError, match=f"^--{field.replace('_', '-')} is {value}; .* is needed$"):
        dataclasses.replace(EXPERIMENTS["sample"], **{field: value})


def test_a_warm_up_of_the_experiment_itself_may_be_longer_than_a_trial_run():
    with pytest.raises(FileNotFoundError, match="nowhere has no manifest"):
        train.main(["sample", "--steps", "2", "--data", "nowhere"])
