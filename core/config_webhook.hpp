// [[webhook]]
#pragma once

#include "core/config.hpp"
#include "core/config_reader.hpp"

namespace usher {

void read_webhook(ConfigSection section, std::vector<WebhookConfig>& webhooks);

}  // namespace usher
