#include "admin/message.hpp"

#include "core/check.hpp"
#include "core/text.hpp"

namespace usher::admin {

const std::string* Request::header(std::string_view name) const {
  for (const auto& [known, value] : headers) {
    if (equals_without_case(known, name)) return &value;
  }
  return nullptr;
}

Answer json_answer(int status, const Json& body) {
  return Answer{status, "application/json", json_text(body), {}, false};
}

Answer no_content() {
  return Answer{204, {}, {}, {}, false};
}

std::string_view status_phrase(int status) {
  switch (status) {
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 406: return "Not Acceptable";
    case 408: return "Request Timeout";
    case 409: return "Conflict";
    case 413: return "Content Too Large";
    case 414: return "URI Too Long";
    case 415: return "Unsupported Media Type";
    case 421: return "Misdirected Request";
    case 422: return "Unprocessable Content";
    case 429: return "Too Many Requests";
    case 431: return "Request Header Fields Too Large";
    case 503: return "Service Unavailable";
    default: return "Error";
  }
}

Answer problem(int status, std::string_view kind, std::string detail, std::vector<Fault> faults) {
  Json::Object document{{"type", "urn:usher:problem:" + std::string(kind)},
                        {"title", status_phrase(status)},
                        {"status", status},
                        {"detail", std::move(detail)}};
  if (!faults.empty()) {
    document.emplace_back("field", faults.front().field);
    Json::Array errors;
    for (Fault& f : faults) {
      errors.emplace_back(
          Json::Object{{"field", std::move(f.field)}, {"detail", std::move(f.detail)}});
    }
    document.emplace_back("errors", std::move(errors));
  }
  Answer answer = json_answer(status, std::move(document));
  answer.content_type = "application/problem+json";
  return answer;
}

Answer invalid(std::vector<Fault> faults) {
  USHER_CHECK(!faults.empty());
  std::string detail = faults.front().field + ": " + faults.front().detail;
  if (faults.size() > 1) detail += " (and " + std::to_string(faults.size() - 1) + " more)";
  return problem(422, "invalid", std::move(detail), std::move(faults));
}

Answer absent(std::string_view what) {
  return problem(404, "not-found", "there is no " + std::string(what));
}

}  // namespace usher::admin
