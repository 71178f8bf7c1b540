#!/usr/bin/env bash
# Prepares one Microsoft 365 tenant for galbridge with the Azure CLI: the app registration, its certificate and permissions, and the
# Entra role Exchange Recipient Administrator, which is the right over every mailbox and group too (a custom Exchange role group, for
# mail contacts only, needs PowerShell: Onboard-Galbridge.ps1; prefer it). Prints what the profile needs.
#
#   az login --tenant TENANT --allow-no-subscriptions
#   infra/onboarding/onboard.sh NAME.public.pem [APPLICATION]
#
# APPLICATION is the name of a new one (galbridge), or the id of one that is there already: run again with its id, it leaves what is
# there. An application of that name is not taken by itself: anybody may have made it, and could sign in as it.
set -euo pipefail
certificate=${1:?the public certificate as PEM: galbridge --stack NAME certificate new --tenant TENANT}
name=${2:-galbridge}
if grep -q 'PRIVATE KEY' "$certificate"; then
    echo "$certificate holds the private key, which stays with galbridge: give the public part, NAME.public.pem" >&2
    exit 2
fi
graph=00000003-0000-0000-c000-000000000000
exchange=00000002-0000-0ff1-ce00-000000000000
recipient_administrator=31392ffb-586c-42d1-9346-e59415a2cc4e

if [[ $name =~ ^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$ ]]; then
    app=$(az ad app show --id "$name" --query appId --output tsv)
elif [[ ! $name =~ ^[A-Za-z0-9][A-Za-z0-9\ ._-]*$ ]]; then
    echo "$name: the name of an application has letters, digits, blanks, dots and dashes here" >&2
    exit 2
else
    there=$(az ad app list --filter "displayName eq '$name'" --query '[].appId' --output tsv)
    if [ -n "$there" ]; then
        echo "There is an application $name already. Whoever owns it, or has a secret of it, could sign in with all that it is given here." >&2
        for one in $there; do
            owners=$(az ad app owner list --id "$one" --query '[].[userPrincipalName || id][]' --output tsv | paste -sd ' ' -)
            secrets=$(az ad app credential list --id "$one" --query 'length(@)' --output tsv)
            certificates=$(az ad app credential list --id "$one" --cert --query 'length(@)' --output tsv)
            federated=$(az ad app federated-credential list --id "$one" --query 'length(@)' --output tsv)
            echo "  $one   owners: ${owners:-none}   secrets: $secrets   certificates: $certificates   federated: $federated" >&2
        done
        echo "If it is meant, and you know all of these, give its id: $0 $certificate ID. Else give another name." >&2
        exit 3
    fi
    app=$(az ad app create --display-name "$name" --sign-in-audience AzureADMyOrg --query appId --output tsv)
    echo "The application $name is made. Should something fail from here on: $0 $certificate $app" >&2
fi
object=$(az ad app show --id "$app" --query id --output tsv)
principal=$(az ad sp list --filter "appId eq '$app'" --query '[0].id' --output tsv)
if [ -z "$principal" ]; then
    principal=$(az ad sp create --id "$app" --query id --output tsv)
fi

thumbprint=$(openssl x509 -in "$certificate" -noout -fingerprint -sha1 | sed 's/.*=//; s/://g')
known() {
    az ad app credential list --id "$app" --cert --query "[?customKeyIdentifier=='$thumbprint'].keyId | [0]" --output tsv
}
if [ -z "$(known)" ]; then
    # Without a time it is one year; what is too long is cut to the certificate's own end.
    az ad app credential reset --id "$app" --append --cert "@$certificate" --years 3 --output none
fi

grant() {
    local resource=$1 role_name=$2 role resource_id
    resource_id=$(az ad sp show --id "$resource" --query id --output tsv)
    role=$(az ad sp show --id "$resource" --query "appRoles[?value=='$role_name'].id | [0]" --output tsv)
    local assignments="https://graph.microsoft.com/v1.0/servicePrincipals/$principal/appRoleAssignments"
    if [ -z "$(az rest --url "$assignments" --query "value[?appRoleId=='$role'].id | [0]" --output tsv)" ]; then
        az ad app permission add --id "$app" --api "$resource" --api-permissions "$role=Role" --output none
        az rest --method post --url "$assignments" --output none \
            --body "{\"principalId\": \"$principal\", \"resourceId\": \"$resource_id\", \"appRoleId\": \"$role\"}"
    fi
}
for role in User.Read.All GroupMember.Read.All OrgContact.Read.All; do grant "$graph" "$role"; done
grant "$exchange" Exchange.ManageAsApp

roles=https://graph.microsoft.com/v1.0/roleManagement/directory/roleAssignments
filter="principalId eq '$principal' and roleDefinitionId eq '$recipient_administrator'"
if [ -z "$(az rest --url "$roles" --url-parameters "\$filter=$filter" --query 'value[0].id' --output tsv)" ]; then
    az rest --method post --url "$roles" --output none \
        --body "{\"principalId\": \"$principal\", \"roleDefinitionId\": \"$recipient_administrator\", \"directoryScopeId\": \"/\"}"
fi

cat <<END
id            = "$(az account show --query tenantId --output tsv)"
app_id        = "$app"
app_object_id = "$object"
# the certificate's keyId: $(known)
END
