from allocation.focus.engine.imported import custom_columns, imported_row, target_columns


def test_rows_of_other_versions_find_their_column() -> None:
    columns = ("ProviderName", "PublisherName", "Id", "SkuPriceid", "x_Own", "x_AllocatedMethodId", "Cost Centre")
    assert target_columns("1.4", columns) == (
        "ServiceProviderName", "x_PublisherName", "x_Id", "SkuPriceId", "x_Own", "AllocatedMethodId", "x_CostCentre",
    )  # fmt: skip
    assert target_columns("1.2", ("ServiceProviderName", "HostProviderName", "AllocatedMethodId")) == (
        "ProviderName", "x_HostProviderName", "x_AllocatedMethodId",
    )  # fmt: skip
    assert custom_columns("1.4", [columns]) == {"x_PublisherName", "x_Id", "x_Own", "x_CostCentre"}
    assert len(set(target_columns("1.2", ("Id", "id", "x_Id", "BilledCost", "billedcost")))) == 5


def test_the_seller_is_the_host_of_a_file_that_has_no_column_for_it() -> None:
    row = imported_row("1.4", ("ProviderName", "BilledCost"), ["Big Cloud", "1"], {})
    assert (row["ServiceProviderName"], row["HostProviderName"]) == ("Big Cloud", "Big Cloud")
    assert imported_row("1.4", ("ProviderName", "HostProviderName"), ["A", None], {})["HostProviderName"] is None
    assert "HostProviderName" not in imported_row("1.2", ("ProviderName",), ["Big Cloud"], {})


def test_an_imported_cell_is_mended_only_where_focus_does_not_allow_it() -> None:
    columns = ("BilledCost", "ListCost", "ChargePeriodStart", "SubAccountId", "Tags", "x_Own")
    row = imported_row(
        "1.2", columns, ["42.00", "$10,000.00 ", "5/1/25", "NULL", "{}", "NULL"], {"BillingCurrency": "USD"}
    )
    assert row == {
        "BilledCost": "42.00", "ListCost": "10000.0", "ChargePeriodStart": "2025-05-01T00:00:00Z", "SubAccountId": None,
        "Tags": "{}", "x_Own": "NULL", "BillingCurrency": "USD",
    }  # fmt: skip
