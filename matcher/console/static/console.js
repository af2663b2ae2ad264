// What a browser does beyond showing pages: on a narrow screen the menu opens and closes.
import { ServiceNavigation, createAll } from "./govuk-frontend.js";

document.body.classList.add("js-enabled", "govuk-frontend-supported");
createAll(ServiceNavigation);
