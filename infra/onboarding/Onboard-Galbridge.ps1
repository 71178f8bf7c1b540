#Requires -Version 7
<#
.SYNOPSIS
    Prepares one Microsoft 365 tenant for galbridge. It may be run again: what is there already stays.
.DESCRIPTION
    Makes the single-tenant app registration, uploads the public certificate, grants exactly the application permissions with admin
    consent, and gives the application its Exchange role. Prints what the profile needs.
    Needs the modules Microsoft.Graph.Applications and ExchangeOnlineManagement, and a Global Administrator (or Privileged Role
    Administrator, Cloud Application Administrator and Exchange Administrator together).
.PARAMETER Tenant
    The tenant's id or domain.
.PARAMETER Certificate
    The public certificate, as PEM or CER: `galbridge --stack NAME certificate new --tenant TENANT` prints it.
.PARAMETER ReadOnlySide
    The tenant is only read: View-Only Recipients instead of the right to write contacts.
.PARAMETER AdoptGuests
    The profile says guests = "adopt-guest" for contacts in this tenant: the role may also change mail users.
.PARAMETER RecipientAdministrator
    Grants the Entra role Exchange Recipient Administrator instead of making a custom role group.
#>
[CmdletBinding(SupportsShouldProcess)]
param(
    [Parameter(Mandatory)] [string] $Tenant,
    [Parameter(Mandatory)] [string] $Certificate,
    [string] $Name = 'galbridge',
    [switch] $ReadOnlySide,
    [switch] $AdoptGuests,
    [switch] $RecipientAdministrator
)
$ErrorActionPreference = 'Stop'
Set-StrictMode -Version Latest

$graph = '00000003-0000-0000-c000-000000000000'
$exchange = '00000002-0000-0ff1-ce00-000000000000'
$wanted = @{ $graph = 'User.Read.All', 'GroupMember.Read.All', 'OrgContact.Read.All'; $exchange = @('Exchange.ManageAsApp') }

Connect-MgGraph -TenantId $Tenant -NoWelcome -Scopes 'Application.ReadWrite.All', 'AppRoleAssignment.ReadWrite.All', 'RoleManagement.ReadWrite.Directory'

# The application and its service principal.
$app = Get-MgApplication -Filter "displayName eq '$Name'" | Select-Object -First 1
if (-not $app) {
    $app = New-MgApplication -DisplayName $Name -SignInAudience 'AzureADMyOrg'
}
$principal = Get-MgServicePrincipal -Filter "appId eq '$($app.AppId)'" | Select-Object -First 1
if (-not $principal) {
    $principal = New-MgServicePrincipal -AppId $app.AppId
}

# The permissions, exactly these, with consent.
$access = @()
foreach ($resourceId in $wanted.Keys) {
    $resource = Get-MgServicePrincipal -Filter "appId eq '$resourceId'"
    $roles = $resource.AppRoles | Where-Object { $_.Value -in $wanted[$resourceId] }
    $access += @{ ResourceAppId = $resourceId; ResourceAccess = @($roles | ForEach-Object { @{ Id = $_.Id; Type = 'Role' } }) }
    $granted = Get-MgServicePrincipalAppRoleAssignment -ServicePrincipalId $principal.Id -All | Where-Object ResourceId -EQ $resource.Id
    foreach ($role in $roles | Where-Object { $_.Id -notin $granted.AppRoleId }) {
        $null = New-MgServicePrincipalAppRoleAssignment -ServicePrincipalId $principal.Id -PrincipalId $principal.Id -ResourceId $resource.Id -AppRoleId $role.Id
    }
}
Update-MgApplication -ApplicationId $app.Id -RequiredResourceAccess $access

# The certificate, beside those that are there: a list that is written replaces all, so the known ones are sent again.
$public = [System.Security.Cryptography.X509Certificates.X509Certificate2]::new((Resolve-Path $Certificate).Path)
$app = Get-MgApplication -ApplicationId $app.Id
$known = $app.KeyCredentials | Where-Object { $_.CustomKeyIdentifier -and [Convert]::ToHexString($_.CustomKeyIdentifier) -eq $public.Thumbprint }
if (-not $known) {
    $new = @{ Type = 'AsymmetricX509Cert'; Usage = 'Verify'; Key = $public.RawData; DisplayName = 'galbridge' }
    Update-MgApplication -ApplicationId $app.Id -KeyCredentials (@($app.KeyCredentials) + $new)
    $app = Get-MgApplication -ApplicationId $app.Id
    $known = $app.KeyCredentials | Where-Object { $_.CustomKeyIdentifier -and [Convert]::ToHexString($_.CustomKeyIdentifier) -eq $public.Thumbprint }
}

# The right to read, and to write mail contacts and nothing else.
if ($RecipientAdministrator -and -not $ReadOnlySide) {
    $definition = Get-MgRoleManagementDirectoryRoleDefinition -Filter "displayName eq 'Exchange Recipient Administrator'"
    $has = Get-MgRoleManagementDirectoryRoleAssignment -Filter "principalId eq '$($principal.Id)' and roleDefinitionId eq '$($definition.Id)'"
    if (-not $has) {
        $null = New-MgRoleManagementDirectoryRoleAssignment -PrincipalId $principal.Id -RoleDefinitionId $definition.Id -DirectoryScopeId '/'
    }
} else {
    Connect-ExchangeOnline -Organization $Tenant -ShowBanner:$false
    if (-not (Get-ServicePrincipal -Identity $app.AppId -ErrorAction SilentlyContinue)) {
        $null = New-ServicePrincipal -AppId $app.AppId -ObjectId $principal.Id -DisplayName $Name
    }
    $roles = if ($ReadOnlySide) { @('View-Only Recipients') } else { @('View-Only Recipients', 'galbridge contacts') }
    if (-not $ReadOnlySide -and -not (Get-ManagementRole -Identity 'galbridge contacts' -ErrorAction SilentlyContinue)) {
        # Cut out of Mail Recipient Creation and Mail Recipients: only what galbridge calls.
        $null = New-ManagementRole -Name 'galbridge contacts' -Parent 'Mail Recipient Creation'
        Get-ManagementRoleEntry 'galbridge contacts\*' | Where-Object Name -NotIn 'New-MailContact', 'Remove-MailContact', 'Get-MailContact', 'Get-Contact' |
            ForEach-Object { Remove-ManagementRoleEntry "galbridge contacts\$($_.Name)" -Confirm:$false }
        $null = New-ManagementRole -Name 'galbridge contact fields' -Parent 'Mail Recipients'
        Get-ManagementRoleEntry 'galbridge contact fields\*' | Where-Object Name -NotIn 'Set-MailContact', 'Set-Contact', 'Get-MailContact', 'Get-Contact' |
            ForEach-Object { Remove-ManagementRoleEntry "galbridge contact fields\$($_.Name)" -Confirm:$false }
    }
    if ($AdoptGuests -and -not $ReadOnlySide) {
        foreach ($command in 'Set-MailUser', 'Set-User') {
            if (-not (Get-ManagementRoleEntry "galbridge contact fields\$command" -ErrorAction SilentlyContinue)) {
                Add-ManagementRoleEntry "galbridge contact fields\$command"
            }
        }
    }
    if (-not $ReadOnlySide) { $roles += 'galbridge contact fields' }
    $group = if ($ReadOnlySide) { 'galbridge readers' } else { 'galbridge' }
    if (-not (Get-RoleGroup -Identity $group -ErrorAction SilentlyContinue)) {
        $null = New-RoleGroup -Name $group -Roles $roles
    }
    if ($app.AppId -notin (Get-RoleGroupMember -Identity $group).Name -and $principal.Id -notin (Get-RoleGroupMember -Identity $group).ExternalDirectoryObjectId) {
        Add-RoleGroupMember -Identity $group -Member $app.AppId
    }
}

# For the profile.
[pscustomobject]@{
    id            = (Get-MgContext).TenantId
    app_id        = $app.AppId
    app_object_id = $app.Id
    key_id        = $known.KeyId
    thumbprint    = $public.Thumbprint
}
