from governance.admin.base import RecordAdmin


class ReadOnlyAdmin(RecordAdmin):
    list_per_page = 50
    show_full_result_count = False
