from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

to_admin = RedirectView.as_view(pattern_name="admin:index")

# No slash is ever appended to an address of Twilio's; a person who leaves one out finds the admin all the same.
urlpatterns = [
    path("", to_admin),
    path("admin", to_admin),
    path("admin/", admin.site.urls),
    path("", include("calls.urls")),
]
