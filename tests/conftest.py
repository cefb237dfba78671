"""For all tests: figures without a display, the same examples in every CI run."""

import os

import pytest
from hypothesis import settings

os.environ.setdefault("MPLBACKEND", "agg")

# No deadline: the first example pays for imports, and no test is about time.
settings.register_profile("local", deadline=None, max_examples=40)
settings.register_profile("ci", parent=settings.get_profile("local"), derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "local")


# Two thirds of the processor time of the core's tests, which `make check` leaves to
# `make test`. Each took 2 s or more, all parameters together; the contract of all
# batteries and the import of all modules are checked all the same.
SLOW = {
    "test_a_bad_cavity_does_not_need_short_steps",
    "test_a_curve_is_that_of_mesolve_with_every_atom_a_qubit",
    "test_a_driven_battery_keeps_the_contract",
    "test_a_long_run_keeps_its_norm_and_its_phases",
    "test_a_lossy_battery_rests_where_every_start_ends",
    "test_a_module_that_is_imported_inside_a_function_counts",
    "test_a_restart_changes_nothing",
    "test_a_solver_that_gives_up_is_named",
    "test_an_extreme_field_gives_a_curve_that_can_be_or_an_error",
    "test_dask_loses_a_worker_and_the_sweep_loses_nothing",
    "test_default_times_see_every_turn_of_the_pulse",
    "test_drives_out_of_reach_are_refused_by_name",
    "test_ergotropy_costs_no_more_than_plain_numpy",
    "test_extreme_fields_give_a_curve_within_the_capacity",
    "test_lifetime_of_the_work_of_a_decaying_atom",
    "test_many_ancillas_limit",
    "test_mixed_starts_are_those_of_mesolve",
    "test_no_random_interpolant_exceeds_its_peak",
    "test_numbers_of_numpy_are_as_good_as_pythons",
    "test_odd_starts_are_refused_by_name",
    "test_the_accuracy_is_kept_at_every_time",
    "test_the_bar_is_off_where_outputs_are_stored",
    "test_the_default_samples_carry_their_peak_or_the_run_is_refused",
    "test_the_leak_of_the_stored_sweeps_does_what_they_say",
    "test_wheel_holds_the_package_and_nothing_of_the_book_or_the_tests",
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep a file's tests on one worker, but share out the site's pages."""
    for item in items:
        if getattr(item, "originalname", "") in SLOW:
            item.add_marker(pytest.mark.slow)
        if item.path.name != "test_site.py":
            item.add_marker(pytest.mark.xdist_group(item.path.name))
